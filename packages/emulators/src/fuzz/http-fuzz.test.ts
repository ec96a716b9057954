import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { AmqpError } from "../amqp/amqp-error.ts";
import { createClock } from "../clock.ts";
import type { InputSchema } from "../event-grid/events/accepted-event.ts";
import { readEvents } from "../event-grid/events/read-events.ts";
import { onlyTopic } from "../event-grid/events/topic-of-event.ts";
import { EventGridProblem } from "../event-grid/problem.ts";
import { startEventGridEmulator } from "../event-grid/start.ts";
import { startEventHubsEmulator } from "../event-hubs/start.ts";
import { Administration } from "../service-bus/administration/administration.ts";
import { HttpProblem } from "../service-bus/administration/http-problem.ts";
import { parseXml } from "../service-bus/administration/xml.ts";
import { Broker } from "../service-bus/broker/broker.ts";
import { startServiceBusEmulator } from "../service-bus/start.ts";
import { mutateBytes, randomOf } from "./mutate.test.fixture.ts";

/** Together with amqp-fuzz.test.ts more than 100 000. */
const INPUTS = { administration: 16_000, events: 12_000, sockets: 900 };

const entry = (content: string) =>
  `<?xml version="1.0"?><entry xmlns="http://www.w3.org/2005/Atom"><content type="application/xml">${content}</content></entry>`;
const XMLNS =
  'xmlns="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"';
const BODIES = [
  entry(
    `<QueueDescription ${XMLNS}><LockDuration>PT1M</LockDuration><MaxSizeInMegabytes>1024</MaxSizeInMegabytes><RequiresSession>true</RequiresSession><ForwardTo>q</ForwardTo></QueueDescription>`,
  ),
  entry(`<TopicDescription ${XMLNS}><DefaultMessageTimeToLive>P1D</DefaultMessageTimeToLive></TopicDescription>`),
  entry(
    `<SubscriptionDescription ${XMLNS}><MaxDeliveryCount>3</MaxDeliveryCount><DefaultRuleDescription><Filter i:type="SqlFilter"><SqlExpression>a = 1</SqlExpression></Filter><Action i:type="EmptyRuleAction"/><Name>r</Name></DefaultRuleDescription></SubscriptionDescription>`,
  ),
  entry(
    `<RuleDescription ${XMLNS}><Filter i:type="CorrelationFilter"><CorrelationId>c</CorrelationId><Properties><KeyValueOfstringanyType><Key>k</Key><Value i:type="d:string" xmlns:d="http://www.w3.org/2001/XMLSchema">v</Value></KeyValueOfstringanyType></Properties></Filter><Action i:type="SqlRuleAction"><SqlExpression>SET a = 'x'</SqlExpression></Action></RuleDescription>`,
  ),
  entry(
    `<RuleDescription ${XMLNS}><Filter i:type="SqlFilter"><SqlExpression>(a + 1 &gt; 2 OR sys.Label IS NULL) AND NOT x IN ('a','b') AND y LIKE '%z' ESCAPE '!'</SqlExpression></Filter></RuleDescription>`,
  ),
].map((text) => Buffer.from(text));
const PATHS = [
  "/q",
  "/t",
  "/t/Subscriptions/s",
  "/t/Subscriptions/s/Rules/r",
  "/$Resources/Queues",
  "/$namespaceinfo",
  "/t/Rules",
];
const TRICKS = [
  "/../../etc/passwd",
  "/%2e%2e/%2e%2e/x",
  "/q%00",
  "/%ff",
  "/..%5c..%5cx",
  "/__proto__",
  "/constructor",
  "/t/Subscriptions/__proto__/Rules/toString",
  "//",
  "/q//..//",
  `/${"a/".repeat(2_000)}`,
];

const known = (error: unknown) =>
  error instanceof HttpProblem || error instanceof AmqpError || error instanceof EventGridProblem;

function expectSurvives(what: string, input: string, act: () => unknown): void {
  const began = performance.now();
  try {
    act();
  } catch (error) {
    if (!known(error)) throw new Error(`${what}: ${String(error)}\n${JSON.stringify(input)}`, { cause: error });
  }
  const took = performance.now() - began;
  if (took > 2_000) throw new Error(`${what} took ${took} ms: ${JSON.stringify(input)}`);
}

describe("HTTP from broken peers", () => {
  // fidelity service-bus: hostile peers
  it(`the administration API: ${INPUTS.administration} inputs`, { timeout: 120_000 }, () => {
    const random = randomOf(3);
    let broker = new Broker(createClock({ frozenAt: 0 }));
    let administration = new Administration(broker);
    const made = () => [...broker.all()].map(({ name }) => name);
    for (let done = 0; done < INPUTS.administration; done += 1) {
      if (done % 500 === 0) {
        broker = new Broker(createClock({ frozenAt: 0 }));
        administration = new Administration(broker);
        broker.createQueue("q");
        broker.createTopic("t");
        broker.createSubscription("t", "s");
      }
      const body = mutateBytes(BODIES[random(BODIES.length)]!, random).toString(random(2) === 0 ? "utf8" : "latin1");
      const path = PATHS[random(PATHS.length)]!;
      const trick = random(10) === 0;
      const pathname = trick
        ? TRICKS[random(TRICKS.length)]!
        : random(4) === 0
          ? mutateBytes(Buffer.from(path), random).toString("latin1")
          : path;
      const request = {
        method: ["GET", "PUT", "PUT", "PUT", "DELETE", "PATCH"][random(6)]!,
        pathname,
        query: new URLSearchParams(random(3) === 0 ? "$skip=-1&$top=1e9" : "api-version=2021-05"),
        origin: "http://localhost" as const,
        ifMatch: random(3) === 0 ? "*" : undefined,
        body,
      };
      expectSurvives("administration", `${request.method} ${pathname} ${body}`, () => administration.handle(request));
    }
    for (const name of made()) expect(name).toMatch(/^[a-z0-9]([a-z0-9._/-]*[a-z0-9])?$/i);
    expect(({} as Record<string, unknown>).lockDurationMs).toBeUndefined();
  });

  it.each([
    ["a billion laughs", `<!DOCTYPE a [<!ENTITY b "${"x".repeat(100)}"><!ENTITY c "${"&b;".repeat(100)}">]><a>&c;</a>`],
    ["an entity of a file", `<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><a>&f;</a>`],
    ["nesting without end", "<a>".repeat(100_000)],
    ["half a million siblings", `<a>${"<b/>".repeat(500_000)}`],
    ["an attribute without end", `<a b="${"x".repeat(1_000_000)}`],
    ["entities without a type", `<a>${"&amp;".repeat(200_000)}&unknown;</a>`],
    ["a prototype", "<__proto__><polluted>1</polluted></__proto__>"],
  ])("XML: %s", (_name, text) => {
    expectSurvives("xml", text.slice(0, 100), () => parseXml(text));
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  // fidelity event-grid: hostile peers
  it(`events: ${INPUTS.events} inputs`, { timeout: 120_000 }, () => {
    const random = randomOf(4);
    const cloudEvent = {
      specversion: "1.0",
      id: "a",
      source: "/s",
      type: "t",
      time: "2026-01-01T00:00:00Z",
      ext: "x",
      data: { a: [1, null] },
    };
    const gridEvent = {
      id: "a",
      subject: "s",
      eventType: "t",
      eventTime: "2026-01-01T00:00:00Z",
      dataVersion: "1",
      data: {},
    };
    const mapping = {
      properties: {
        eventType: { sourceField: "typ" },
        subject: { defaultValue: "s" },
        dataVersion: { defaultValue: "1" },
      },
    };
    const intake = (schema: InputSchema) => ({
      schema,
      mapping,
      topicOf: onlyTopic("/t"),
      sourceNamesTopic: false,
      maxEvents: 10,
      tooManyStatus: 413,
      requiresData: false,
    });
    const cases = [
      ["application/cloudevents+json", cloudEvent, "CloudEventSchemaV1_0"],
      ["application/cloudevents-batch+json; charset=utf-8", [cloudEvent, cloudEvent], "CloudEventSchemaV1_0"],
      ["application/json", [gridEvent], "EventGridSchema"],
      ["application/json", [{ typ: "t", more: [{ typ: null }] }], "CustomEventSchema"],
      ["text/plain", "binary mode", "CloudEventSchemaV1_0"],
    ] as const;
    let taken = 0;
    for (let done = 0; done < INPUTS.events; done += 1) {
      const [type, value, schema] = cases[random(cases.length)]!;
      const body = mutateBytes(Buffer.from(JSON.stringify(value)), random);
      const contentType = random(8) === 0 ? mutateBytes(Buffer.from(type), random).toString("latin1") : type;
      const headers = {
        "content-type": contentType,
        "ce-id": "1",
        "ce-source": "/s",
        "ce-type": "t",
        "ce-specversion": "1.0",
      };
      expectSurvives("events", `${contentType} ${body.toString("latin1")}`, () => {
        taken += readEvents({ headers, body }, intake(schema)).length;
      });
    }
    // Some of the changes do no harm.
    expect(taken).toBeGreaterThan(100);
    expect(taken).toBeLessThan(INPUTS.events);
  });

  it(`sockets: ${INPUTS.sockets} inputs`, { timeout: 120_000 }, async () => {
    const bus = await startServiceBusEmulator({ tls: true });
    const hubs = await startEventHubsEmulator({ hubs: { hub: {} } });
    const grid = await startEventGridEmulator({ topics: ["orders"] });
    onTestFinished(async () => void (await Promise.all([bus.close(), hubs.close(), grid.close()])));
    const random = randomOf(5);
    const body = BODIES[0]!;
    const requests = [
      `PUT /q?api-version=2021-05 HTTP/1.1\r\nhost: localhost\r\nauthorization: x\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
      `GET /$Resources/Queues HTTP/1.1\r\nhost: localhost\r\nauthorization: x\r\nconnection: close\r\n\r\n`,
      `GET /$servicebus/websocket HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: AMQPWSB10\r\n\r\n\x82\x08AMQP`,
      `POST /orders/api/events HTTP/1.1\r\nhost: localhost\r\naeg-sas-key: ${grid.key}\r\ncontent-type: application/cloudevents+json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}`,
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ].map((text) => Buffer.from(text, "latin1"));
    const ports = [bus.port, hubs.port, grid.port];
    for (let done = 0; done < INPUTS.sockets; done += 30) {
      await Promise.all(
        Array.from({ length: 30 }, async () => {
          const socket = connect(ports[random(ports.length)]!, "127.0.0.1");
          socket.on("error", () => undefined).resume();
          socket.end(mutateBytes(requests[random(requests.length)]!, random));
          // Whoever says no more is let go.
          await once(socket, "close");
        }),
      );
    }
    for (const url of [bus.administrationUrl, `http://127.0.0.1:${hubs.port}`, grid.endpoint])
      expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: "healthy" });
  });
});
