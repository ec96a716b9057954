import { BlobServiceClient } from "@azure/storage-blob";
import { startAzurite } from "@waybill/emulators";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  agree,
  blobDeadLetters,
  cloudEvent,
  type EventGridEmulator,
  type EventGridTopicConfig,
  type EventSubscriptionConfig,
  eventually,
  open,
  type PushEntryView,
  type Respond,
  webhook,
} from "./emulator-event-grid.fixture.ts";

const publish = async (emulator: EventGridEmulator, ...events: object[]) => {
  const isOld = events.some((event) => "eventType" in event);
  const response = await fetch(emulator.topicEndpoint("orders"), {
    method: "POST",
    headers: {
      "aeg-sas-key": emulator.key,
      "content-type": isOld ? "application/json" : "application/cloudevents-batch+json",
    },
    body: JSON.stringify(events),
  });
  expect(response.status).toBe(200);
};
const oldEvent = (id: string) => ({
  id,
  eventType: "T",
  subject: "s",
  eventTime: "2026-01-01T00:00:00Z",
  dataVersion: "7",
  data: { id },
});
const subscribed = (
  endpointUrl: string,
  more: Partial<EventSubscriptionConfig> & { batch?: object; inputSchema?: EventGridTopicConfig["inputSchema"] } = {},
): EventGridTopicConfig => {
  const { batch, inputSchema, ...rest } = more;
  const destination = { endpointType: "WebHook", endpointUrl, ...batch } as const;
  return { name: "orders", inputSchema, subscriptions: [{ name: "billing", destination, ...rest }] };
};
/** Answers notifications with these statuses in turn, the last one again and again. */
const answering =
  (...statuses: number[]): Respond =>
  (request, response) => {
    if (request.headers["aeg-event-type"] !== "Notification") return agree(request, response);
    return response.writeHead(statuses.length > 1 ? statuses.shift()! : statuses[0]!).end();
  };
const state = (emulator: EventGridEmulator) => emulator.control.state("orders", "billing");
const attempts = (emulator: EventGridEmulator) => (state(emulator).events as PushEntryView[])[0]?.attempts;

describe("handshake", () => {
  // fidelity event-grid: webhook handshake: OPTIONS with origin, rate and callback
  it("asks by OPTIONS for CloudEvents, with origin, rate and callback", async () => {
    const hook = await webhook();
    const emulator = await open({ topics: [subscribed(hook.url)] });
    expect(hook.requests).toHaveLength(1);
    expect(hook.requests[0]).toMatchObject({
      method: "OPTIONS",
      headers: {
        "webhook-request-origin": "eventgrid.azure.net",
        "webhook-request-rate": "120",
        "webhook-request-callback": expect.stringContaining(emulator.endpoint),
      },
    });
    expect(state(emulator)).toMatchObject({ provisioningState: "Succeeded", endpointUrl: hook.url.split("?")[0] });
  });

  // fidelity event-grid: webhook handshake: OPTIONS with origin, rate and callback
  it.each([
    ["another origin", { "webhook-allowed-origin": "elsewhere.net", "webhook-allowed-rate": "1" }, 200],
    ["no rate", { "webhook-allowed-origin": "*" }, 200],
    ["405", {}, 405],
  ] as const)("takes %s for a refusal", async (_name, headers, status) => {
    const hook = await webhook((_request, response) => void response.writeHead(status, headers).end());
    await expect(open({ topics: [subscribed(hook.url)] })).rejects.toThrow(/did not agree/);
  });

  // fidelity event-grid: webhook handshake: OPTIONS with origin, rate and callback
  it("waits for the callback when the headers are withheld", async () => {
    const hook = await webhook((_request, response) => void response.writeHead(200).end());
    const emulator = await open({ topics: [subscribed(hook.url)] });
    expect(state(emulator).provisioningState).toBe("AwaitingManualAction");
    await publish(emulator, cloudEvent("early"));
    expect((await fetch(hook.requests[0]!.headers["webhook-request-callback"] as string)).status).toBe(200);
    expect(state(emulator).provisioningState).toBe("Succeeded");
    await publish(emulator, cloudEvent("later"));
    expect(JSON.parse((await hook.next(0)).body).id).toBe("later");
    expect((await fetch(hook.requests[0]!.headers["webhook-request-callback"] as string)).status).toBe(404);
  });

  // fidelity event-grid: webhook handshake: validation event and address
  it("sends a validation event for the Event Grid schema", async () => {
    const hook = await webhook();
    const emulator = await open({ topics: [subscribed(hook.url, { inputSchema: "EventGridSchema" })] });
    expect(hook.requests[0]?.headers).toMatchObject({ "aeg-event-type": "SubscriptionValidation" });
    expect(JSON.parse(hook.requests[0]!.body)).toMatchObject([
      {
        eventType: "Microsoft.EventGrid.SubscriptionValidationEvent",
        data: { validationCode: expect.any(String), validationUrl: expect.stringContaining(emulator.endpoint) },
      },
    ]);
    expect(state(emulator).provisioningState).toBe("Succeeded");
  });

  // fidelity event-grid: webhook handshake: validation event and address
  it("takes a wrong code for a refusal, and the validation address for consent within ten minutes", async () => {
    const wrong = await webhook((_request, response) => void response.end(`{"validationResponse":"x"}`));
    await expect(open({ topics: [subscribed(wrong.url, { inputSchema: "EventGridSchema" })] })).rejects.toThrow(
      /agree/,
    );
    for (const minutes of [9, 11]) {
      const hook = await webhook((_request, response) => void response.end());
      const emulator = await open({ topics: [subscribed(hook.url, { inputSchema: "EventGridSchema" })] });
      expect(state(emulator).provisioningState).toBe("AwaitingManualAction");
      emulator.control.advanceClock(minutes * 60_000);
      const [{ data }] = JSON.parse(hook.requests[0]!.body) as [{ data: { validationUrl: string } }];
      expect((await fetch(data.validationUrl)).status).toBe(minutes === 9 ? 200 : 404);
    }
  });
});

describe("delivery", () => {
  // fidelity event-grid: webhook delivery with `aeg-*` headers, in both schemas
  it("posts one CloudEvent with the service's headers", async () => {
    const hook = await webhook();
    const attributes = [{ name: "x-tenant", type: "Dynamic", properties: { sourceField: "tenant" } }] as const;
    const emulator = await open({
      topics: [subscribed(hook.url, { batch: { deliveryAttributeMappings: attributes } })],
    });
    const event = cloudEvent("1", { tenant: "t-1", data: false });
    await publish(emulator, event);
    const { headers, body } = await hook.next(0);
    expect(JSON.parse(body)).toEqual(event);
    expect(headers).toMatchObject({
      "content-type": "application/cloudevents+json; charset=utf-8",
      origin: "eventgrid.azure.net",
      "aeg-event-type": "Notification",
      "aeg-subscription-name": "BILLING",
      "aeg-delivery-count": "0",
      "aeg-metadata-version": "1.0",
      "aeg-output-event-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
      "x-tenant": "t-1",
    });
    expect(headers).not.toHaveProperty("aeg-data-version");
    await eventually(() => state(emulator).delivered === 1);
  });

  // fidelity event-grid: webhook delivery with `aeg-*` headers, in both schemas
  it("posts an array of one in the Event Grid schema, or a CloudEvent made of it", async () => {
    const hook = await webhook();
    const emulator = await open({ topics: [subscribed(hook.url, { inputSchema: "EventGridSchema" })] });
    await publish(emulator, oldEvent("1"));
    const first = await hook.next(0);
    expect(JSON.parse(first.body)).toMatchObject([{ ...oldEvent("1"), metadataVersion: "1" }]);
    expect(first.headers).toMatchObject({ "aeg-data-version": "7", "aeg-metadata-version": "1" });

    const other = await webhook();
    const destination = { endpointType: "WebHook", endpointUrl: other.url } as const;
    const eventDeliverySchema = "CloudEventSchemaV1_0";
    await emulator.control.createSubscription("orders", { name: "second", destination, eventDeliverySchema });
    await publish(emulator, oldEvent("2"));
    expect(JSON.parse((await other.next(0)).body)).toMatchObject({
      specversion: "1.0",
      id: "2",
      type: "T",
      subject: "s",
      time: "2026-01-01T00:00:00Z",
      data: { id: "2" },
    });
  });

  // fidelity event-grid: webhook batching
  it("posts batches when they are on, with the batch content type even for one", async () => {
    const hook = await webhook();
    const emulator = await open({ topics: [subscribed(hook.url, { batch: { maxEventsPerBatch: 2 } })] });
    await publish(emulator, cloudEvent("1"), cloudEvent("2"), cloudEvent("3"));
    const bodies = [await hook.next(0), await hook.next(1)];
    const ids = bodies.map(({ body }) => (JSON.parse(body) as { id: string }[]).map(({ id }) => id));
    expect(ids.sort((a, b) => b.length - a.length)).toEqual([["1", "2"], ["3"]]);
    for (const { headers } of bodies) expect(headers["content-type"]).toMatch(/^application\/cloudevents-batch\+json/);
  });

  // fidelity event-grid: which statuses are success, and which are tried again
  it.each([200, 201, 202, 203, 204])("takes %d for delivered", async (status) => {
    const hook = await webhook(answering(status));
    const emulator = await open({ topics: [subscribed(hook.url)] });
    await publish(emulator, cloudEvent("1"));
    await eventually(() => state(emulator).delivered === 1);
  });

  // fidelity event-grid: which statuses are success, and which are tried again
  it.each([205, 302, 429, 500])("takes %d for failed, and tries again with the same ids", async (status) => {
    const hook = await webhook(answering(status, 204));
    const emulator = await open({ topics: [subscribed(hook.url)] });
    await publish(emulator, cloudEvent("1"));
    await eventually(() => attempts(emulator) === 1);
    emulator.control.advanceClock(10_000);
    const [first, second] = [await hook.next(0), await hook.next(1)];
    expect(second.body).toBe(first.body);
    expect(second.headers).toMatchObject({
      "aeg-delivery-count": "1",
      "aeg-output-event-id": first.headers["aeg-output-event-id"],
    });
    await eventually(() => state(emulator).delivered === 1);
  });

  // fidelity event-grid: 30 s for an answer; late answers
  it("does not wait longer than 30 s for an answer, but honours a late one", async () => {
    let answerLate: () => void = () => undefined;
    const hook = await webhook((request, response) => {
      if (request.headers["aeg-event-type"] !== "Notification") agree(request, response);
      else answerLate = () => response.writeHead(204).end();
    });
    const emulator = await open({ topics: [subscribed(hook.url)] });
    await publish(emulator, cloudEvent("1"));
    await hook.next(0);
    emulator.control.advanceClock(29_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(state(emulator).events).toMatchObject([{ attempts: 0 }]);
    emulator.control.advanceClock(1000);
    await eventually(() => attempts(emulator) === 1);
    expect(state(emulator).events).toMatchObject([{ lastOutcome: "TimedOut" }]);
    answerLate();
    await eventually(() => state(emulator).delivered === 1);
    expect(state(emulator).events).toEqual([]);
  });

  it("tries again when nobody listens", async () => {
    const hook = await webhook();
    const destination = { endpointType: "WebHook", endpointUrl: "http://127.0.0.1:1/", skipValidation: true } as const;
    const emulator = await open({ topics: [{ name: "orders", subscriptions: [{ name: "billing", destination }] }] });
    await publish(emulator, cloudEvent("1"));
    await eventually(() => attempts(emulator) === 1);
    expect(state(emulator).events).toMatchObject([{ lastOutcome: "SocketError" }]);
    expect(hook.requests).toEqual([]);
  });

  it("ends with the subscription", async () => {
    const hook = await webhook(answering(500));
    const emulator = await open({ topics: [subscribed(hook.url)] });
    await publish(emulator, cloudEvent("1"));
    await hook.next(0);
    emulator.control.deleteSubscription("orders", "billing");
    emulator.control.advanceClock(60_000);
    await publish(emulator, cloudEvent("2"));
    expect(hook.notifications()).toHaveLength(1);
    expect(() => state(emulator)).toThrow(/no event subscription/);
  });
});

describe("dead letters", () => {
  // fidelity event-grid: dead letters, to blobs of Azurite or a function
  it("reach a blob of Azurite, signed with the account's key", async () => {
    const azurite = await startAzurite({ queues: false, blobs: true });
    onTestFinished(() => azurite.stop());
    const { connectionString } = azurite;
    const hook = await webhook(answering(500));
    const emulator = await open({
      speed: 10_000,
      deadLetters: { blobs: blobDeadLetters({ connectionString, container: "dead" }) },
      topics: [subscribed(hook.url, { retryPolicy: { maxDeliveryAttempts: 3 }, deadLetter: "blobs" })],
    });
    await publish(emulator, cloudEvent("1", { ext: "x", data: 0 }));
    await eventually(() => state(emulator).deadLetters.written === 1);
    expect(hook.notifications()).toHaveLength(3);
    const container = BlobServiceClient.fromConnectionString(connectionString).getContainerClient("dead");
    const names: string[] = [];
    for await (const { name } of container.listBlobsFlat()) names.push(name);
    expect(names).toEqual([expect.stringMatching(/^BILLING\/\d{4}\/\d+\/\d+\/\d+\/[0-9a-f-]{36}\.json$/)]);
    const blob = await container.getBlobClient(names[0]!).downloadToBuffer();
    expect(JSON.parse(blob.toString())).toEqual([
      {
        ...cloudEvent("1", { ext: "x", data: 0 }),
        deadletterreason: "MaxDeliveryAttemptsExceeded",
        deliveryattempts: 3,
        lastdeliveryoutcome: "GenericError",
        publishtime: expect.any(String),
      },
    ]);
  });

  // fidelity event-grid: dead letters, to blobs of Azurite or a function
  it("have the Event Grid schema's names there, and are dropped without a writer", async () => {
    const written: string[] = [];
    const hook = await webhook(answering(400));
    const emulator = await open({
      topics: [
        subscribed(hook.url, {
          inputSchema: "EventGridSchema",
          deadLetter: async (_path, json) => void written.push(json),
        }),
      ],
    });
    const destination = { endpointType: "WebHook", endpointUrl: hook.url } as const;
    await emulator.control.createSubscription("orders", { name: "dropping", destination });
    await publish(emulator, oldEvent("1"));
    const dropping = () => emulator.control.state("orders", "dropping").deadLetters;
    await eventually(() => dropping().dropped === 1);
    expect(dropping()).toEqual({ waiting: 0, written: 0, dropped: 1 });
    await eventually(() => state(emulator).deadLetters.waiting === 1);
    emulator.control.advanceClock(300_000);
    await eventually(() => written.length === 1);
    expect(JSON.parse(written[0]!)).toMatchObject([
      {
        ...oldEvent("1"),
        deadLetterReason: expect.any(String),
        deliveryAttempts: 1,
        lastDeliveryOutcome: "BadRequest",
        publishTime: expect.any(String),
        lastDeliveryAttemptTime: expect.any(String),
      },
    ]);
  });
});
