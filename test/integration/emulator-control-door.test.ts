import { EventHubConsumerClient } from "@azure/event-hubs";
import { ServiceBusClient } from "@azure/service-bus";
import { type EmulatorsConfig, startEmulators } from "@waybill/emulators";
import { expect, it, onTestFinished } from "vitest";

// The faults over HTTP, as a test in another language asks for them, and what the SDKs see then.

async function open(config: EmulatorsConfig) {
  const emulators = await startEmulators({ control: true, ...config });
  onTestFinished(() => emulators.close());
  const ask = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(`${emulators.controlUrl}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    // biome-ignore lint/suspicious/noExplicitAny: the answers are of any shape, and looked at by the tests.
    return { status: response.status, body: (text === "" ? undefined : JSON.parse(text)) as any };
  };
  const post = async (path: string, body: unknown = {}) => {
    const answer = await ask("POST", path, body);
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
    return answer.body;
  };
  return { emulators, ask, post };
}

const retryOptions = { maxRetries: 0, timeoutInMs: 2_000 };

// fidelity service-bus: faults on demand, in process and over HTTP
it("makes the faults of Service Bus, and shows its state", async () => {
  const { emulators, ask, post } = await open({ only: ["service-bus"] });
  const client = new ServiceBusClient(emulators.serviceBus!.connectionString, { retryOptions });
  onTestFinished(() => client.close());
  await post("/service-bus/create-queue", { name: "work", settings: { lockDurationMs: 30_000 } });
  await post("/service-bus/create-queue", { name: "ordered", settings: { requiresSession: true } });
  await post("/service-bus/send", { path: "work", body: "hello", messageId: "m", properties: { n: 1 } });
  const receiver = client.createReceiver("work");
  const [message] = await receiver.receiveMessages(1);
  expect(String(message!.body)).toBe("hello");
  expect(message).toMatchObject({ messageId: "m", applicationProperties: { n: 1 } });
  const state = (await ask("GET", "/service-bus/state?path=work")).body;
  expect(state).toMatchObject({ receivers: 1, messages: [{ state: "locked", lockToken: message!.lockToken }] });

  expect(await post("/service-bus/expire-locks", { path: "work", lockToken: message!.lockToken })).toEqual({
    ended: 1,
  });
  await expect(receiver.completeMessage(message!)).rejects.toMatchObject({ code: "MessageLockLost" });
  const [again] = await receiver.receiveMessages(1);
  expect(again).toMatchObject({ messageId: "m", deliveryCount: 1 });
  await post("/service-bus/advance-clock", { ms: 31_000 });
  await expect(receiver.completeMessage(again!)).rejects.toMatchObject({ code: "MessageLockLost" });

  await post("/service-bus/throttle", { on: true });
  await expect(client.createSender("work").sendMessages({ body: 1 })).rejects.toMatchObject({ code: "ServiceBusy" });
  await post("/service-bus/throttle", { on: false });

  await post("/service-bus/send", { path: "ordered", body: "1", sessionId: "s" });
  const session = await client.acceptSession("ordered", "s");
  const [held] = await session.receiveMessages(1);
  expect(await post("/service-bus/lose-session", { path: "ordered", sessionId: "s" })).toEqual({ lost: true });
  await expect.poll(() => session.isClosed).toBe(true);
  await expect(session.completeMessage(held!)).rejects.toMatchObject({ code: "SessionLockLost" });

  expect(await post("/service-bus/cut-connections")).toEqual({ cut: 1 });
  await expect.poll(() => emulators.serviceBus!.control.connectionCount).toBe(0);
});

// fidelity event-hubs: faults on demand, in process and over HTTP
// fidelity event-hubs partial: creating hubs over the network — through the control interface, not Azure's management
it("takes a partition over, gives it back, and makes hubs", async () => {
  const { emulators, ask, post } = await open({ only: ["event-hubs"] });
  await post("/event-hubs/create-hub", { name: "orders", options: { partitionCount: 1 } });
  const consumer = new EventHubConsumerClient("$Default", emulators.eventHubs!.connectionString, "orders", {
    retryOptions,
  });
  onTestFinished(() => consumer.close());
  const codes: unknown[] = [];
  const bodies: unknown[] = [];
  consumer.subscribe(
    "0",
    {
      processEvents: async (events) => void bodies.push(...events.map(({ body }) => body)),
      processError: async (error) => void codes.push((error as { code?: string }).code),
    },
    { startPosition: { offset: "-1" }, ownerLevel: 3, maxWaitTimeInSeconds: 1 },
  );
  await post("/event-hubs/send", { hub: "orders", body: "one", partitionKey: "k" });
  await expect.poll(() => bodies.map(String)).toEqual(["one"]);
  const { takeoverId } = await post("/event-hubs/take-over", { hub: "orders", partition: "0" });
  await expect.poll(() => codes).toContain("ReceiverDisconnectedError");
  const [partition] = (await ask("GET", "/event-hubs/state?hub=orders")).body;
  expect(partition).toMatchObject({ lastSequenceNumber: 0, readers: [{ name: "control", ownerLevel: 4 }] });
  await post("/event-hubs/give-back", { takeoverId });
  expect((await ask("GET", "/event-hubs/state?hub=orders")).body[0].readers).toEqual([]);
});

// fidelity event-grid: faults on demand, in process and over HTTP
it("makes the faults of Event Grid", async () => {
  const { emulators, ask, post } = await open({
    only: ["event-grid"],
    eventGrid: { namespaces: [{ name: "dev", topics: [{ name: "orders", subscriptions: [{ name: "billing" }] }] }] },
  });
  const publish = () =>
    fetch(`${emulators.eventGrid!.endpoint}/topics/orders:publish?api-version=2024-06-01`, {
      method: "POST",
      headers: {
        authorization: `SharedAccessKey ${emulators.eventGrid!.key}`,
        "content-type": "application/cloudevents+json",
      },
      body: JSON.stringify({ specversion: "1.0", id: "a", source: "/s", type: "t", data: 1 }),
    });
  await post("/event-grid/throttle", { on: true, retryAfterSeconds: 7 });
  const busy = await publish();
  expect([busy.status, busy.headers.get("retry-after")]).toEqual([429, "7"]);
  await post("/event-grid/throttle", { on: false });
  await post("/event-grid/refuse", { status: 503 });
  expect((await publish()).status).toBe(503);
  await post("/event-grid/refuse", { status: 403, message: "The quota is used up." });
  expect(await (await publish()).json()).toMatchObject({
    error: { code: "Forbidden", message: "The quota is used up." },
  });
  expect((await publish()).status).toBe(200);
  const state = (await ask("GET", "/event-grid/state?topic=dev/orders&subscription=billing")).body;
  expect(state).toMatchObject({ events: [{ id: "a", state: "available" }] });
});

it("refuses what is none of its business, and changes nothing then", async () => {
  const { emulators, ask } = await open({ only: ["service-bus"] });
  const make = "/service-bus/create-queue";
  const cases: [string, string, unknown, Record<string, string>, number][] = [
    ["GET", make, undefined, {}, 405],
    ["POST", "/service-bus/format-disk", {}, {}, 404],
    ["POST", "/event-hubs/create-hub", { name: "x" }, {}, 404],
    ["POST", "/../service-bus/create-queue", { name: "x" }, {}, 200],
    ["POST", make, {}, {}, 400],
    ["POST", make, { name: 5 }, {}, 400],
    ["POST", make, { name: "q", sise: 1 }, {}, 400],
    ["POST", make, { name: "q", settings: { lockDuration: 1 } }, {}, 400],
    ["POST", make, { name: "q", settings: { __proto__x: 1 } }, {}, 400],
    ["POST", make, "[1]", {}, 400],
    ["POST", make, "{", {}, 400],
    ["POST", make, { name: "not a name!" }, {}, 400],
    ["GET", "/service-bus/state?path=none", undefined, {}, 404],
    ["POST", make, { name: "q" }, { origin: "http://evil.example" }, 403],
  ];
  for (const [method, path, body, headers, status] of cases) {
    const answer = await ask(method, path, body, headers);
    expect([path, body, answer.status === 204 ? 200 : answer.status]).toEqual([path, body, status]);
    if (status >= 400) expect(answer.body).toEqual({ error: { message: expect.any(String) } });
  }
  expect(() => emulators.serviceBus!.control.state("q")).toThrow(/could not be found/);
  expect((await ask("GET", "/")).body.operations).toContain("/service-bus/expire-locks");
});
