import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, request as httpRequest, type RequestListener } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assess, createBus, type RawCloudEvent } from "@waybill/core";
import { createSpy } from "@waybill/core/testing";
import { type EventGridOptions, eventGrid, eventGridWebhook, storing, type WebhookHandler } from "@waybill/event-grid";
import { createInbox, createOutbox } from "@waybill/outbox";
import { sqlite } from "@waybill/outbox/sqlite";
import { CloudEvent, HTTP } from "cloudevents";
import express from "express";
import fastify from "fastify";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { describe, expect, it, onTestFinished } from "vitest";
import { cloudEvent, eventually, open } from "./emulator-event-grid.fixture.ts";

const SECRET = "correct horse battery";
const HEADER = { header: { name: "X-Webhook-Secret", secrets: [SECRET] } };
const KNOCK = { "x-webhook-secret": SECRET };
const BATCH = { "content-type": "application/cloudevents-batch+json; charset=utf-8" };
const ONE = { "content-type": "application/cloudevents+json; charset=utf-8" };

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What answers for each event, recorded. */
function recorder(answer: (event: string) => "ack" | "release" | "reject" | Promise<never> = () => "ack") {
  const came: { id: string; body: string; deliveryCount: number }[] = [];
  const take: Parameters<typeof eventGridWebhook>[0]["take"] = async ({ message, deliveryCount }) => {
    came.push({ id: message.id, body: Buffer.from(message.body ?? []).toString(), deliveryCount });
    return { kind: await answer(message.id) };
  };
  return { came, take };
}

/** Nothing is sent there. */
const NOWHERE = "http://127.0.0.1:1/api/events";

const post = (url: string, body: unknown, headers: object = {}) =>
  fetch(url, {
    method: "POST",
    headers: { ...ONE, ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

/** A subscription `orders/billing` on a custom topic, running on a bus and delivered to by webhook. */
async function running(mounted: (handler: WebhookHandler) => Promise<string>, options: Partial<EventGridOptions> = {}) {
  const emulator = await open({ topics: ["orders", { name: "legacy", inputSchema: "EventGridSchema" }] });
  const adapter = eventGrid({
    kind: "custom",
    key: emulator.key,
    topics: { orders: { endpoint: emulator.topicEndpoint("orders") } },
    webhook: { query: { name: "code", secrets: [SECRET] } },
    ...options,
  });
  const spy = createSpy();
  const bus = createBus({ source: "/shop", adapter, observers: [spy] });
  onTestFinished(() => bus.close());
  const origin = await mounted(adapter.webhook("orders", "billing"));
  const endpointUrl = `${origin}/events?code=${encodeURIComponent(SECRET)}`;
  const events: RawCloudEvent[] = [];
  const subscribe = () =>
    bus.subscribe("orders", { name: "billing" }, (event) => void events.push(event as RawCloudEvent));
  return { emulator, adapter, bus, spy, events, endpointUrl, subscribe };
}

/** How a user mounts it; each answers the address that it listens at. */
const MOUNTS: Readonly<Record<string, (handler: WebhookHandler) => Promise<string>>> = {
  http: (handler) => serve(handler),
  Express: (handler) => {
    const app = express();
    app.all("/events", handler);
    return serve(app);
  },
  "Express behind express.json()": (handler) => {
    const app = express();
    app.use(
      express.json({
        type: ["application/json", "application/cloudevents+json", "application/cloudevents-batch+json"],
      }),
    );
    app.all("/events", handler);
    return serve(app);
  },
  Fastify: async (handler) => {
    const app = fastify();
    app.register(async (scope) => {
      // The handler reads the request itself.
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
      scope.route({
        method: ["POST", "OPTIONS"],
        url: "/events",
        handler: async (request, reply) => {
          reply.hijack();
          await handler(request.raw, reply.raw);
        },
      });
    });
    onTestFinished(() => app.close());
    return await app.listen({ port: 0, host: "127.0.0.1" });
  },
  /** `app.http("events", { methods: ["POST", "OPTIONS"], handler: (request) => handler.web(request) })`, played by a server that makes Requests. */
  "Azure Functions": (handler) =>
    serve(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const init = { method: request.method ?? "", headers: request.headers as Record<string, string> };
      const body = request.method === "POST" ? { body: Buffer.concat(chunks) } : {};
      const {
        status,
        headers,
        body: text,
      } = await handler.web(new Request(`http://host${request.url}`, { ...init, ...body }));
      response.writeHead(status, headers).end(text);
    }),
};

describe("mounted in", () => {
  for (const [name, mounted] of Object.entries(MOUNTS)) {
    it(`${name}: agrees to both handshakes, and events of both schemas are handled before they are answered`, async () => {
      const { emulator, bus, events, endpointUrl, subscribe, spy } = await running(mounted);
      await subscribe();
      for (const topic of ["orders", "legacy"]) {
        const destination = { endpointType: "WebHook", endpointUrl } as const;
        const { provisioningState } = await emulator.control.createSubscription(topic, {
          name: "billing",
          destination,
        });
        expect(provisioningState).toBe("Succeeded");
      }
      const sent = { ...cloudEvent("1", { data: [1, { a: "ü" }], count: 7, flag: true, traceparent: "00-1" }) };
      expect(await bus.publishRaw("orders", sent as never)).toMatchObject({ ok: true });
      const legacy = {
        id: "2",
        subject: "o-2",
        eventType: "order.placed",
        eventTime: "2026-11-26T00:00:00Z",
        data: { id: "2" },
        dataVersion: "3",
      };
      const headers = { "aeg-sas-key": emulator.key, "content-type": "application/json" };
      await fetch(emulator.topicEndpoint("legacy"), { method: "POST", headers, body: JSON.stringify([legacy]) });
      await eventually(() => spy.count("processed") === 2);
      await eventually(() =>
        ["orders", "legacy"].every((topic) => emulator.control.state(topic, "billing").delivered === 1),
      );
      expect(events.find(({ id }) => id === "1")).toEqual(sent);
      expect(events.find(({ id }) => id === "2")).toMatchObject({
        type: "order.placed",
        subject: "o-2",
        time: "2026-11-26T00:00:00Z",
        dataversion: "3",
        data: { id: "2" },
        source: expect.stringContaining("legacy"),
      });
    });
  }
});

describe("settled by core", () => {
  it("while nobody has the subscription open it answers 503, and the event comes again", async () => {
    const { emulator, bus, events, endpointUrl, subscribe } = await running(MOUNTS.http!);
    await emulator.control.createSubscription("orders", {
      name: "billing",
      destination: { endpointType: "WebHook", endpointUrl },
    });
    await bus.publishRaw("orders", cloudEvent("1") as never);
    await eventually(() =>
      emulator.control.state("orders", "billing").events.some((one) => "attempts" in one && one.attempts === 1),
    );
    await subscribe();
    emulator.control.advanceClock(40_000);
    await eventually(() => events.length === 1);
  });

  it("a domain hands each topic's events to its own webhook, with the source that they had", async () => {
    const emulator = await open({ domains: [{ name: "shop" }] });
    const endpoint = emulator.topicEndpoint("shop");
    const adapter = eventGrid({ kind: "domain", endpoint, key: emulator.key, webhook: HEADER });
    const bus = createBus({ source: "/shop", adapter });
    onTestFinished(() => bus.close());
    const came: Record<string, RawCloudEvent[]> = { orders: [], payments: [] };
    for (const [topic, events] of Object.entries(came)) {
      await bus.subscribe(topic, { name: "billing" }, (event) => void events.push(event as RawCloudEvent));
      const endpointUrl = await serve(adapter.webhook(topic, "billing"));
      const deliveryAttributeMappings = [
        { name: "x-webhook-secret", type: "Static", properties: { value: SECRET, isSecret: true } },
      ] as const;
      const destination = { endpointType: "WebHook", endpointUrl, deliveryAttributeMappings } as const;
      await emulator.control.createSubscription(`shop/${topic}`, { name: "billing", destination });
    }
    const sent = { orders: cloudEvent("1", { data: [1, "ü"], count: 7 }), payments: cloudEvent("2") };
    for (const [topic, event] of Object.entries(sent)) await bus.publishRaw(topic, event as never);
    await eventually(() => came.orders!.length + came.payments!.length === 2);
    expect(came).toEqual({ orders: [sent.orders], payments: [sent.payments] });
  });

  it("a namespace pushes to one subscription and is pulled by another, of one topic and one adapter", async () => {
    const topics = ["orders", "orders--mail--dead"].map((name) => ({ name, subscriptions: [{ name: "mail" }] }));
    const emulator = await open({ namespaces: [{ name: "shop", topics }] });
    const { endpoint, key } = emulator;
    const adapter = eventGrid({ endpoint, key, webhook: HEADER, pushed: ["orders/billing"] });
    const bus = createBus({ source: "/shop", adapter });
    onTestFinished(() => bus.close());
    const came: string[] = [];
    for (const name of ["billing", "mail"]) {
      await bus.subscribe("orders", { name }, ({ id }) => void came.push(`${name} ${id}`));
    }
    const endpointUrl = await serve(adapter.webhook("orders", "billing"));
    const deliveryAttributeMappings = [
      { name: "x-webhook-secret", type: "Static", properties: { value: SECRET, isSecret: true } },
    ] as const;
    const destination = { endpointType: "WebHook", endpointUrl, deliveryAttributeMappings } as const;
    await emulator.control.createSubscription("shop/orders", { name: "billing", destination });
    await bus.publishRaw("orders", cloudEvent("1") as never);
    await eventually(() => came.length === 2);
    expect(came.sort()).toEqual(["billing 1", "mail 1"]);
    await eventually(() => emulator.control.state("shop/orders", "billing").delivered === 1);
  });

  it("a batch is answered 2xx only when each of its events is done with", async () => {
    const { bus, adapter } = await running(MOUNTS.http!);
    const url = await serve(adapter.webhook("orders", "billing"));
    let open: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const done: string[] = [];
    await bus.subscribe("orders", { name: "billing" }, async ({ id }) => {
      if (id === "slow") await gate;
      done.push(id);
    });
    let status: number | undefined;
    const answered = post(
      `${url}/?code=${encodeURIComponent(SECRET)}`,
      [cloudEvent("quick"), cloudEvent("slow")],
      BATCH,
    ).then((answer) => {
      status = answer.status;
    });
    await eventually(() => done.includes("quick"));
    expect(status).toBeUndefined();
    open?.();
    await answered;
    expect({ status, done }).toEqual({ status: 204, done: ["quick", "slow"] });
  });

  it("a handler that takes longer than the patience: 503 in time, its signal aborts, and a late outcome settles nothing", async () => {
    const { bus, adapter, spy } = await running(MOUNTS.http!, { webhook: { ...HEADER, patienceMs: 300 } });
    const url = await serve(adapter.webhook("orders", "billing"));
    let reason: unknown;
    await bus.subscribe(
      "orders",
      { name: "billing" },
      (_event, { signal }) =>
        new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => {
            reason = signal.reason;
            resolve();
          });
        }),
    );
    const answer = await post(url, cloudEvent("1"), KNOCK);
    expect(answer.status).toBe(503);
    await eventually(() => reason !== undefined);
    await spy.waitFor("lost");
  });
});

it.each([
  ["a custom topic", { kind: "custom", topics: { orders: { endpoint: NOWHERE } } }, "none"],
  [
    "a custom topic, with another for dead letters",
    { kind: "custom", topics: { orders: { endpoint: NOWHERE }, "orders/billing/dead": { endpoint: NOWHERE } } },
    "copy",
  ],
  ["a domain", { kind: "domain", endpoint: NOWHERE }, "none"],
  [
    "a domain, with a topic set by hand for dead letters",
    { kind: "domain", endpoint: NOWHERE, names: { "orders/billing/dead": "graves" } },
    "copy",
  ],
  ["a namespace", { endpoint: NOWHERE, pushed: ["orders/billing"] }, "copy"],
] as const)("says what takes dead letters before there are any: %s", async (_, options, expected) => {
  const adapter = eventGrid({ key: "a2V5", webhook: HEADER, ...options });
  const bus = createBus({ source: "/shop", adapter });
  onTestFinished(() => bus.close());
  const { guarantee } = await bus.subscribe("orders", { name: "billing" }, () => undefined);
  expect(guarantee.deadLetter).toBe(expected);
  const description = await adapter.describe!({ topic: "orders", subscription: "billing" }, AbortSignal.timeout(5_000));
  const asked = { topic: "orders", description, inbox: false, outbox: false, claimCheck: false };
  expect(assess({ ...asked, options: { name: "billing" } }).granted?.guarantee.deadLetter).toBe(expected);
  const elsewhere = { name: "billing", deadLetterTo: "graves" };
  expect(assess({ ...asked, options: elsewhere }).granted?.guarantee.deadLetter).toBe("copy");
});

describe("without a loop", () => {
  it("bus.process answers: done 204, again 503, given up 400", async () => {
    const bus = createBus({ source: "/shop", adapter: eventGrid({ kind: "custom", topics: {} }) });
    onTestFinished(() => bus.close());
    await bus.subscribe("orders", { name: "billing", loop: false, retry: { attempts: 2 } }, ({ id }) => {
      if (id === "bad") throw new Error("out of stock");
    });
    const url = await serve(eventGridWebhook({ ...HEADER, take: ({ message }) => bus.process("orders", message) }));
    expect((await post(url, cloudEvent("good"), KNOCK)).status).toBe(204);
    expect((await post(url, cloudEvent("bad"), KNOCK)).status).toBe(503);
    expect((await post(url, "no event at all", KNOCK)).status).toBe(400);
    // One answer is for all: what failed comes again, and what is given up must not take its neighbour with it.
    expect((await post(url, [cloudEvent("good"), cloudEvent("bad")], { ...BATCH, ...KNOCK })).status).toBe(503);
    expect((await post(url, [cloudEvent("good"), "no event"], { ...BATCH, ...KNOCK })).status).toBe(503);
    expect((await post(url, ["no event", cloudEvent("bad")], { ...BATCH, ...KNOCK })).status).toBe(503);
  });

  it("stored first: answered once the event is durable, once for each event, and not before", async () => {
    const folder = await mkdtemp(join(tmpdir(), "waybill-webhook-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const store = await sqlite({ path: join(folder, "inbox.db") });
    onTestFinished(() => store.close());
    const [inbox, outbox] = [createInbox({ store }), createOutbox({ store, source: "/shop" })];
    let broken = true;
    const take = storing((event, signal) =>
      inbox.process(
        { topic: "orders", subscription: "billing", source: event.source, id: event.id },
        async (tx) => {
          if (broken) throw new Error("the disk is full");
          await outbox.publishRaw(tx, "orders-in", event);
        },
        signal,
      ),
    );
    const url = await serve(eventGridWebhook({ ...HEADER, take }));
    const waiting = async () => (await store.counts()).waiting;
    expect((await post(url, cloudEvent("1"), KNOCK)).status).toBe(503);
    expect(await waiting()).toBe(0);
    broken = false;
    expect((await post(url, cloudEvent("1"), KNOCK)).status).toBe(204);
    expect((await post(url, cloudEvent("1"), KNOCK)).status).toBe(204);
    expect((await post(url, [cloudEvent("1"), cloudEvent("2")], { ...BATCH, ...KNOCK })).status).toBe(204);
    expect(await waiting()).toBe(2);
    expect((await post(url, "no event", KNOCK)).status).toBe(400);
  });
});

describe("authentication", () => {
  it("a secret header, and an old and a new one while one replaces the other", async () => {
    const { came, take } = recorder();
    const url = await serve(
      eventGridWebhook({ header: { name: "x-webhook-secret", secrets: [SECRET, "the next secret"] }, take }),
    );
    for (const secret of [SECRET, "the next secret"]) {
      expect((await post(url, cloudEvent("1"), { "x-webhook-secret": secret })).status).toBe(204);
    }
    for (const headers of [
      {},
      { "x-webhook-secret": "" },
      { "x-webhook-secret": `${SECRET}x` },
      { "x-webhook-secret": `${SECRET}, ${SECRET}` },
    ]) {
      const answer = await post(url, cloudEvent("2"), headers);
      expect(answer.status).toBe(401);
      expect(await answer.text()).not.toContain(SECRET);
    }
    expect(came).toHaveLength(2);
  });

  it("a secret in the address is asked for in handshakes too", async () => {
    const { take } = recorder();
    const url = await serve(eventGridWebhook({ query: { name: "code", secrets: [SECRET] }, take }));
    const ask = (address: string) =>
      fetch(address, { method: "OPTIONS", headers: { "webhook-request-origin": "eventgrid.azure.net" } });
    expect((await ask(url)).headers.get("webhook-allowed-origin")).toBeNull();
    const good = `${url}/?code=${encodeURIComponent(SECRET)}`;
    expect((await ask(good)).headers.get("webhook-allowed-origin")).toBe("eventgrid.azure.net");
    expect((await post(good, cloudEvent("1"))).status).toBe(204);
    expect((await post(`${url}/?code=wrong&code=wronger`, cloudEvent("1"))).status).toBe(401);
    expect((await post(`${url}/?code=`, cloudEvent("1"))).status).toBe(401);
  });

  it("a token of Entra ID: signature, issuer, audience, time and application must be right", async () => {
    const { publicKey, privateKey } = await generateKeyPair("RS256");
    const other = await generateKeyPair("RS256");
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "k", alg: "RS256", use: "sig" }] };
    const entra = {
      tenantId: "11111111-2222-3333-4444-555555555555",
      audience: "api://shop",
      jwks,
      role: "AzureEventGridSecureWebhookSubscriber",
    };
    const claims = { appid: "4962773b-9cdb-44cf-a8bf-237846a00ab7", roles: [entra.role] };
    const token = (
      more: object = {},
      {
        issuer = `https://sts.windows.net/${entra.tenantId}/`,
        audience = "api://shop",
        exp = "5m",
        key = privateKey,
      } = {},
    ) =>
      new SignJWT({ ...claims, ...more })
        .setProtectedHeader({ alg: "RS256", kid: "k" })
        .setIssuer(issuer)
        .setAudience(audience)
        .setExpirationTime(exp)
        .sign(key);
    const { came, take } = recorder();
    const url = await serve(eventGridWebhook({ entra, take }));
    const knock = async (bearer: string) =>
      (await post(url, cloudEvent("1"), { authorization: `Bearer ${bearer}` })).status;
    expect(await knock(await token())).toBe(204);
    expect(
      await knock(
        await token(
          { appid: undefined, azp: claims.appid },
          { issuer: `https://login.microsoftonline.com/${entra.tenantId}/v2.0` },
        ),
      ),
    ).toBe(204);
    const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${(await token()).split(".")[1]}.`;
    const bad = [
      await token({ appid: "somebody-else" }),
      await token({ roles: [] }),
      await token({}, { issuer: "https://evil.example/" }),
      await token({}, { audience: "api://other" }),
      await token({}, { exp: "-5m" }),
      await token({}, { key: other.privateKey }),
      unsigned,
      "garbage",
    ];
    for (const one of bad) expect(await knock(one)).toBe(401);
    expect((await post(url, cloudEvent("1"))).status).toBe(401);
    expect(came).toHaveLength(2);
  });

  it("keys that cannot be had cost no event: 503", async () => {
    const { came, take } = recorder();
    const entra = { tenantId: "t", audience: "api://shop", jwks: "https://127.0.0.1:1/keys" };
    const url = await serve(eventGridWebhook({ entra, take }));
    const { privateKey } = await generateKeyPair("RS256");
    const token = await new SignJWT({})
      .setProtectedHeader({ alg: "RS256", kid: "k" })
      .setExpirationTime("5m")
      .sign(privateKey);
    expect((await post(url, cloudEvent("1"), { authorization: `Bearer ${token}` })).status).toBe(503);
    expect(came).toEqual([]);
  });

  it("a verifier that cannot tell just now costs no event: 503", async () => {
    const { came, take } = recorder();
    let keysAreGone = true;
    const verify = async (token: string) => {
      if (keysAreGone) throw new Error("no keys");
      return token === "good";
    };
    const url = await serve(eventGridWebhook({ verify, take }));
    const knock = async (token: string) =>
      (await post(url, cloudEvent("1"), { authorization: `Bearer ${token}` })).status;
    expect(await knock("good")).toBe(503);
    keysAreGone = false;
    expect([await knock("good"), await knock("bad")]).toEqual([204, 401]);
    expect(came).toHaveLength(1);
  });

  it("is not left out by mistake", () => {
    const { take } = recorder();
    expect(() => eventGridWebhook({ take })).toThrow(/names no authentication/);
    expect(() => eventGridWebhook({ ...HEADER, anonymous: true, take })).toThrow(/stands beside/);
    expect(() => eventGridWebhook({ header: { name: "x", secrets: ["short"] }, take })).toThrow(/at least 8/);
    expect(() => eventGridWebhook({ ...HEADER, secrets: [], take } as never)).toThrow(/does not exist/);
  });
});

describe("hostile requests", () => {
  async function target(options: object = {}) {
    const { came, take } = recorder();
    const url = await serve(eventGridWebhook({ ...HEADER, ...options, take }));
    return { came, url };
  }

  it("the handshake consents to known origins only, and calls nobody back", async () => {
    let calls = 0;
    const trap = await serve((_request, response) => {
      calls++;
      response.end();
    });
    const { url } = await target({ ratePerMinute: 600 });
    const ask = (headers: Record<string, string>) => fetch(url, { method: "OPTIONS", headers });
    const good = await ask({ "webhook-request-origin": "eventgrid.azure.net", "webhook-request-callback": trap });
    expect(Object.fromEntries(good.headers)).toMatchObject({
      "webhook-allowed-origin": "eventgrid.azure.net",
      "webhook-allowed-rate": "600",
      allow: "POST, OPTIONS",
    });
    const evil = await ask({ "webhook-request-origin": "evil.example", "webhook-request-callback": trap });
    expect(evil.headers.get("webhook-allowed-origin")).toBeNull();
    const validation = [
      {
        eventType: "Microsoft.EventGrid.SubscriptionValidationEvent",
        data: { validationCode: "c-1", validationUrl: trap },
      },
    ];
    const answer = await post(url, validation, {
      "content-type": "application/json",
      "aeg-event-type": "SubscriptionValidation",
    });
    expect(await answer.json()).toEqual({ validationResponse: "c-1" });
    expect(calls).toBe(0);
  });

  it("an event that looks like a handshake and is none is an event", async () => {
    const { url, came } = await target();
    const fake = {
      id: "f",
      eventType: "Microsoft.EventGrid.SubscriptionValidationEvent",
      subject: "",
      eventTime: "2026-01-01T00:00:00Z",
      data: { validationCode: "x" },
    };
    const answer = await post(url, [fake], {
      ...KNOCK,
      "content-type": "application/json",
      "aeg-event-type": "Notification",
    });
    expect(answer.status).toBe(204);
    expect(came.map(({ id }) => id)).toEqual(["f"]);
  });

  it("a body that is too large is refused unread, however it is declared", async () => {
    const { url, came } = await target({ maxBodyBytes: 10_000 });
    expect((await post(url, cloudEvent("1", { data: "x".repeat(20_000) }), KNOCK)).status).toBe(413);
    const chunked = await new Promise<number | undefined>((resolve, reject) => {
      const sending = httpRequest(url, { method: "POST", headers: { ...ONE, ...KNOCK } }, (response) => {
        response.resume();
        resolve(response.statusCode);
        sending.destroy();
      });
      sending.on("error", reject);
      sending.write("x".repeat(20_000));
    });
    expect(chunked).toBe(413);
    expect(came).toEqual([]);
  });

  it("a body that never comes costs a connection for as long as the patience, and nothing else", async () => {
    const { url } = await target({ patienceMs: 200 });
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write(
      `POST / HTTP/1.1\r\nhost: x\r\nx-webhook-secret: ${SECRET}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`,
    );
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 408/);
    socket.destroy();
  });

  it("a caller that hangs up makes the event come again, and its handler is told", async () => {
    let aborted = false;
    const take = ({ signal }: { signal: AbortSignal }) =>
      new Promise<{ kind: "ack" }>(() => signal.addEventListener("abort", () => (aborted = true)));
    const url = await serve(eventGridWebhook({ ...HEADER, take }));
    const hangUp = new AbortController();
    const calling = fetch(url, {
      method: "POST",
      headers: { ...ONE, ...KNOCK },
      body: JSON.stringify(cloudEvent("1")),
      signal: hangUp.signal,
    });
    setTimeout(() => hangUp.abort(), 100);
    await expect(calling).rejects.toThrow();
    await eventually(() => aborted);
  });

  it("what is no event arrives as it is, and core keeps it: never an exception, never a 2xx for nothing", async () => {
    const { url, came } = await target();
    const bodies = [
      "{",
      "[]",
      "null",
      "42",
      '"text"',
      "[[1]]",
      '{"__proto__":{"a":1}}',
      "\u0000",
      `${"[".repeat(20_000)}${"]".repeat(20_000)}`,
    ];
    for (const body of bodies) expect((await post(url, body, KNOCK)).status, body.slice(0, 20)).toBe(204);
    expect(came).toHaveLength(bodies.length);
    expect(({} as { a?: number }).a).toBeUndefined();
    expect((await fetch(url, { method: "POST", headers: KNOCK })).status).toBe(400);
    expect((await fetch(url, { headers: KNOCK })).status).toBe(405);
    expect((await post(url, "{}", { ...KNOCK, "aeg-event-type": "SubscriptionDeletion" })).status).toBe(200);
    expect(came).toHaveLength(bodies.length);
  });

  it("a take that throws has the event delivered again", async () => {
    const { take } = recorder(async () => {
      throw new Error(`do not tell ${SECRET}`);
    });
    const url = await serve(eventGridWebhook({ ...HEADER, take }));
    const answer = await post(url, cloudEvent("1"), KNOCK);
    expect(answer.status).toBe(503);
    expect(await answer.text()).not.toContain(SECRET);
  });
});

it("reads what the cloudevents SDK sends, in binary and in structured mode", async () => {
  const adapter = eventGrid({ kind: "custom", topics: {}, webhook: HEADER });
  const bus = createBus({ source: "/shop", adapter });
  onTestFinished(() => bus.close());
  const came: RawCloudEvent[] = [];
  await bus.subscribe("orders", { name: "billing" }, (event) => void came.push(event as RawCloudEvent));
  const url = await serve(adapter.webhook("orders", "billing"));
  const event = new CloudEvent({
    id: "1",
    source: "/foreign",
    type: "order.placed",
    subject: "o-1",
    partitionkey: "k",
    data: { a: "ü" },
    datacontenttype: "application/json",
  });
  for (const mode of [HTTP.binary, HTTP.structured]) {
    const { headers, body } = mode(event);
    const answer = await fetch(url, {
      method: "POST",
      headers: { ...(headers as Record<string, string>), ...KNOCK },
      body: body as string,
    });
    expect(answer.status).toBe(204);
  }
  expect(came).toHaveLength(2);
  for (const one of came)
    expect(one).toMatchObject({ id: "1", source: "/foreign", subject: "o-1", partitionkey: "k", data: { a: "ü" } });
});
