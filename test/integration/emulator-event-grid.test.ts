import diagnostics from "node:diagnostics_channel";
import {
  AzureKeyCredential,
  AzureSASCredential,
  EventGridPublisherClient,
  generateSharedAccessSignature,
} from "@azure/eventgrid";
import { describe, expect, it } from "vitest";
import {
  cloudEvent,
  type EventGridEmulator,
  eventually,
  open,
  type PushEntryView,
  webhook,
} from "./emulator-event-grid.fixture.ts";

const OPTIONS = { allowInsecureConnection: true, retryOptions: { maxRetries: 0 } } as const;
type Schema = "CloudEvent" | "EventGrid" | "Custom";

const client = <S extends Schema>(emulator: EventGridEmulator, schema: S, topic = "orders", key = emulator.key) =>
  new EventGridPublisherClient(emulator.topicEndpoint(topic), schema, new AzureKeyCredential(key), OPTIONS);

/** A topic whose one subscription hands every event to the test. */
async function withSink(inputSchema?: "CloudEventSchemaV1_0" | "EventGridSchema") {
  const bodies: string[] = [];
  const emulator = await open({
    topics: [
      {
        name: "orders",
        ...(inputSchema && { inputSchema }),
        subscriptions: [
          {
            name: "sink",
            destination: { endpointType: "ServiceBusQueue", send: async ({ body }) => void bodies.push(body) },
          },
        ],
      },
    ],
  });
  return { emulator, events: () => bodies.map((body) => JSON.parse(body) as Record<string, unknown>) };
}

describe("publishing with the SDK", () => {
  // fidelity event-grid: publish CloudEvents: one, batch, binary mode
  it("takes CloudEvents with extensions and binary data", async () => {
    const { emulator, events } = await withSink();
    await client(emulator, "CloudEvent").send([
      {
        id: "1",
        type: "order.placed",
        source: "/shop",
        subject: "o-1",
        time: new Date("2026-01-02T03:04:05.678Z"),
        data: { total: 0, empty: "", none: null },
        extensionAttributes: { partitionkey: "k", traceparent: "00-1" },
      },
      { id: "2", type: "t", source: "/s", data: new Uint8Array([0, 255]), datacontenttype: "application/octet-stream" },
    ]);
    expect(events()).toEqual([
      {
        specversion: "1.0",
        id: "1",
        type: "order.placed",
        source: "/shop",
        subject: "o-1",
        time: "2026-01-02T03:04:05.678Z",
        datacontenttype: "application/json",
        data: { total: 0, empty: "", none: null },
        partitionkey: "k",
        traceparent: "00-1",
      },
      expect.objectContaining({ id: "2", data_base64: "AP8=", datacontenttype: "application/octet-stream" }),
    ]);
  });

  // fidelity event-grid: publish the Event Grid schema
  it("takes the Event Grid schema where the topic does, and stamps it", async () => {
    const { emulator, events } = await withSink("EventGridSchema");
    await client(emulator, "EventGrid").send([
      { id: "1", eventType: "T", subject: "s", dataVersion: "2", data: { a: [0] }, eventTime: new Date(0) },
    ]);
    expect(events()).toEqual([
      {
        id: "1",
        eventType: "T",
        subject: "s",
        dataVersion: "2",
        data: { a: [0] },
        eventTime: "1970-01-01T00:00:00.000Z",
        metadataVersion: "1",
        topic: expect.stringMatching(/\/topics\/orders$/),
      },
    ]);
    await expect(client(emulator, "CloudEvent").send([{ type: "t", source: "/s" }])).rejects.toMatchObject({
      statusCode: 400,
      code: "BadRequest",
      message: expect.stringContaining("'EventGridEvent' schema"),
    });
  });

  // fidelity event-grid: key and SAS
  it("checks a SAS token of the SDK, its key and its end", async () => {
    const { emulator, events } = await withSink();
    const url = emulator.topicEndpoint("orders");
    const send = async (key: string, expiresOn: Date) => {
      const token = await generateSharedAccessSignature(url, new AzureKeyCredential(key), expiresOn);
      const sas = new EventGridPublisherClient(url, "CloudEvent", new AzureSASCredential(token), OPTIONS);
      await sas.send([{ type: "t", source: "/s" }]);
    };
    await send(emulator.key, new Date(Date.now() + 60_000));
    await expect(send(emulator.key, new Date(Date.now() - 60_000))).rejects.toMatchObject({ statusCode: 401 });
    await expect(send("b3RoZXI=", new Date(Date.now() + 60_000))).rejects.toMatchObject({ statusCode: 401 });
    expect(events()).toHaveLength(1);
  });

  // fidelity event-grid partial: bearer tokens — every one is let in
  it("takes a token credential over HTTPS, where alone the SDK sends it", async () => {
    const emulator = await open({ topics: ["orders"], tls: true });
    const credential = { getToken: async () => ({ token: "x.y.z", expiresOnTimestamp: Date.now() + 3_600_000 }) };
    const url = `${emulator.secureEndpoint}/orders/api/events`;
    const trusting = { ...OPTIONS, tlsOptions: { ca: emulator.certificate! } };
    await new EventGridPublisherClient(url, "CloudEvent", credential, trusting).send([{ type: "t", source: "/s" }]);
    const untrusting = new EventGridPublisherClient(url, "CloudEvent", credential, OPTIONS);
    await expect(untrusting.send([{ type: "t", source: "/s" }])).rejects.toThrow(/certificate/);
    const plain = new EventGridPublisherClient(emulator.topicEndpoint("orders"), "CloudEvent", credential, OPTIONS);
    await expect(plain.send([{ type: "t", source: "/s" }])).rejects.toThrow(/https/);
  });

  // fidelity event-grid: 401, 404, 413 and the sentences beside them
  it("answers as the service: 401, 404, 413 and too many", async () => {
    const { emulator, events } = await withSink();
    const one = { type: "t", source: "/s" };
    await expect(client(emulator, "CloudEvent", "orders", "d3Jvbmc=").send([one])).rejects.toMatchObject({
      name: "RestError",
      statusCode: 401,
      code: "Unauthorized",
      details: {
        body: { error: { details: [{ code: "Unauthorized", message: expect.stringContaining("not authorized") }] } },
      },
    });
    await expect(client(emulator, "CloudEvent", "nothing").send([one])).rejects.toMatchObject({ statusCode: 404 });
    const large = { ...one, data: { text: "x".repeat(1024 * 1024) } };
    await expect(client(emulator, "CloudEvent").send([large])).rejects.toMatchObject({ statusCode: 413 });
    const many = Array.from({ length: 5001 }, () => one);
    await expect(client(emulator, "CloudEvent").send(many)).rejects.toMatchObject({ statusCode: 413 });
    expect(events()).toEqual([]);
    await client(emulator, "CloudEvent").send(many.slice(1).map((_, at) => ({ ...one, id: String(at) })));
    await eventually(() => events().length === 5000);
  });

  // fidelity event-grid: all of a batch or nothing
  it("takes all of a batch or nothing", async () => {
    const { emulator, events } = await withSink();
    const response = await fetch(emulator.topicEndpoint("orders"), {
      method: "POST",
      headers: { "aeg-sas-key": emulator.key, "content-type": "application/cloudevents-batch+json" },
      body: JSON.stringify([cloudEvent("1"), cloudEvent("2", { type: "" })]),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { code: "BadRequest", details: [{ code: "InputJsonInvalid" }] },
    });
    expect(events()).toEqual([]);
  });
});

describe("faults", () => {
  // fidelity event-grid: faults on demand, in process and over HTTP
  it("throttles with Retry-After, which the SDK waits for", async () => {
    const { emulator, events } = await withSink();
    emulator.control.throttle(1);
    await expect(client(emulator, "CloudEvent").send([{ type: "t", source: "/s" }])).rejects.toMatchObject({
      statusCode: 429,
    });
    const retrying = new EventGridPublisherClient(
      emulator.topicEndpoint("orders"),
      "CloudEvent",
      new AzureKeyCredential(emulator.key),
      { allowInsecureConnection: true, retryOptions: { maxRetries: 1 } },
    );
    const started = Date.now();
    const refused = () => emulator.control.throttle(false);
    diagnostics.subscribe("http.client.response.finish", refused);
    await retrying
      .send([{ type: "t", source: "/s" }])
      .finally(() => diagnostics.unsubscribe("http.client.response.finish", refused));
    expect(Date.now() - started).toBeGreaterThan(900);
    expect(events()).toHaveLength(1);
  });

  // fidelity event-grid: faults on demand, in process and over HTTP
  it("refuses as often as told, then works", async () => {
    const { emulator, events } = await withSink();
    emulator.control.refuse(503, 2);
    const send = () => client(emulator, "CloudEvent").send([{ type: "t", source: "/s" }]);
    await expect(send()).rejects.toMatchObject({ statusCode: 503 });
    await expect(send()).rejects.toMatchObject({ statusCode: 503 });
    await send();
    expect(events()).toHaveLength(1);
  });

  // fidelity event-grid: faults on demand, in process and over HTTP
  it("stops answering until told otherwise", async () => {
    const { emulator, events } = await withSink();
    emulator.control.stopAnswering(true);
    const sent = client(emulator, "CloudEvent").send([{ type: "t", source: "/s" }]);
    const result = sent.then(
      () => "sent",
      () => "failed",
    );
    expect(await Promise.race([result, new Promise((resolve) => setTimeout(resolve, 100, "waiting"))])).toBe("waiting");
    emulator.control.stopAnswering(false);
    expect(await result).toBe("failed");
    await client(emulator, "CloudEvent").send([{ type: "t", source: "/s" }]);
    expect(events()).toHaveLength(1);
  });
});

describe("Azure destinations", () => {
  // fidelity event-grid: Storage queue, Service Bus and Event Hubs as destinations, with delivery attributes
  it("get what the service gives them, with the delivery attributes", async () => {
    const got: Record<string, { body: string; messageId: string; properties: Record<string, string> }[]> = {};
    const attributes = [
      { name: "SessionId", type: "Dynamic", properties: { sourceField: "data.customer" } },
      { name: "env", type: "Static", properties: { value: "test" } },
    ] as const;
    const types = ["StorageQueue", "ServiceBusQueue", "EventHub"] as const;
    const emulator = await open({
      topics: [
        {
          name: "orders",
          subscriptions: types.map((endpointType) => ({
            name: endpointType,
            destination: { endpointType, send: endpointType, deliveryAttributeMappings: attributes },
          })),
        },
      ],
      destinations: Object.fromEntries(
        types.map((type) => [
          type,
          async ({ body, messageId, properties }) => {
            got[type] ??= [];
            got[type].push({ body, messageId, properties });
            if (type === "ServiceBusQueue" && got[type].length === 1)
              throw Object.assign(new Error(), { statusCode: 503 });
          },
        ]),
      ),
    });
    await client(emulator, "CloudEvent").send([{ id: "1", type: "t", source: "/s", data: { customer: "c-1" } }]);
    await eventually(() => {
      const [waiting] = emulator.control.state("orders", "ServiceBusQueue").events as PushEntryView[];
      return waiting?.lastOutcome === "Busy";
    });
    emulator.control.advanceClock(29_000);
    expect(got.ServiceBusQueue).toHaveLength(1);
    emulator.control.advanceClock(1000);
    const event = { id: "1", data: { customer: "c-1" } };
    expect(JSON.parse(Buffer.from(got.StorageQueue![0]!.body, "base64").toString())).toMatchObject(event);
    expect(JSON.parse(got.EventHub![0]!.body)).toMatchObject([event]);
    const [first, second] = got.ServiceBusQueue!;
    expect(JSON.parse(second!.body)).toMatchObject(event);
    expect(second!.messageId).toBe(first!.messageId);
    expect(second!.properties).toMatchObject({
      SessionId: "c-1",
      env: "test",
      "aeg-delivery-count": "1",
      "aeg-subscription-name": "SERVICEBUSQUEUE",
      "aeg-output-event-id": first!.messageId,
    });
  });
});

describe("filters", () => {
  // fidelity event-grid: filters: basic and advanced
  it("give each subscription its own events", async () => {
    const [paid, large] = [await webhook(), await webhook()];
    const emulator = await open({
      topics: [
        {
          name: "orders",
          subscriptions: [
            {
              name: "paid",
              destination: { endpointType: "WebHook", endpointUrl: paid.url },
              filter: { includedEventTypes: ["order.paid"] },
            },
            {
              name: "large",
              destination: { endpointType: "WebHook", endpointUrl: large.url },
              filter: { advancedFilters: [{ operatorType: "NumberGreaterThan", key: "data.total", value: 100 }] },
            },
          ],
        },
      ],
    });
    await client(emulator, "CloudEvent").send([
      { id: "1", type: "order.placed", source: "/s", data: { total: 101 } },
      { id: "2", type: "order.paid", source: "/s", data: { total: 1 } },
    ]);
    expect(JSON.parse((await paid.next(0)).body).id).toBe("2");
    expect(JSON.parse((await large.next(0)).body).id).toBe("1");
    for (const name of ["paid", "large"]) {
      const { events, delivered } = emulator.control.state("orders", name);
      expect(events.length + delivered).toBe(1);
    }
  });
});
