import { inspect } from "node:util";
import { AzureKeyCredential, EventGridPublisherClient, generateSharedAccessSignature } from "@azure/eventgrid";
import { createBus, isWaybillError, type RawCloudEvent, WaybillError } from "@waybill/core";
import { createCodec, type Delivery, type OutboundMessage, type Receiver } from "@waybill/core/spi";
import { createSpy } from "@waybill/core/testing";
import type { AzureDelivery } from "@waybill/emulators";
import { type EventGridOptions, eventGrid } from "@waybill/event-grid";
import { describe, expect, it, onTestFinished } from "vitest";
import { eventually, open, rest } from "./emulator-event-grid.fixture.ts";

const { signal } = new AbortController();
const codec = createCodec();
const want = (max = 100) => ({ max, maxBytes: 64 * 1024 * 1024, pausedLanes: new Set<string>() });
const raw = (id: string, data?: unknown, more: object = {}): RawCloudEvent =>
  ({
    specversion: "1.0",
    id,
    source: "/shop",
    type: "order.placed",
    ...(data === undefined ? {} : { data }),
    ...more,
  }) as never;
const message = (event: RawCloudEvent): OutboundMessage => codec.encode(event, { headers: false });
const eventOf = ({ message }: Pick<Delivery, "message">) => {
  const { event } = codec.decode(message);
  // A view of the body: the same bytes, another class.
  return event.data instanceof Uint8Array ? { ...event, data: Uint8Array.from(event.data) } : event;
};

async function receiveAll(receiver: Receiver, count: number): Promise<Delivery[]> {
  const found: Delivery[] = [];
  for (const endMs = Date.now() + 8_000; found.length < count && Date.now() < endMs; ) {
    found.push(...(await receiver.receive(want(count - found.length), signal)));
  }
  return found;
}

/** A namespace with `orders/billing`, what reaches it alone, and its dead letters. */
async function namespace(options: Partial<EventGridOptions> = {}, subscription: object = {}) {
  const topics = ["orders", "orders--billing", "orders--billing--dead"].map((name) => ({
    name,
    subscriptions: [{ name: "billing", ...subscription }],
  }));
  const emulator = await open({ namespaces: [{ name: "shop", topics }] });
  const adapter = eventGrid({ endpoint: emulator.endpoint, key: emulator.key, ...options });
  onTestFinished(() => adapter.close());
  return { emulator, adapter };
}

/** Everything that `data` can be. */
const ANY_DATA: readonly [what: string, data: unknown, more?: object][] = [
  ["an object", { a: 1, "": [null] }],
  ["text", "plain"],
  ["empty text", ""],
  ["a number", 42.5],
  ["zero", 0],
  ["false", false],
  ["an array", [1, { b: 2 }, "c"]],
  ["an empty array", []],
  ["null", null],
  ["nothing", undefined],
  ["a key named __proto__", JSON.parse('{"__proto__":{"polluted":true}}')],
  ["bytes", Uint8Array.of(0, 255, 10), { datacontenttype: "application/octet-stream" }],
  ["text of another type", "<a/>", { datacontenttype: "text/xml" }],
];
const EXTENSIONS = {
  partitionkey: "o-1",
  traceparent: "00-1",
  tracestate: "x=1",
  count: 7,
  flag: false,
  myext: "ünï \u{1f4e6}",
};

describe("what the bare SDK does to data, and we do not", () => {
  it("@azure/eventgrid refuses text, numbers and booleans, and makes objects of arrays", async () => {
    const emulator = await open({ topics: ["orders"] });
    const received: AzureDelivery[] = [];
    await emulator.control.createSubscription("orders", {
      name: "all",
      destination: { endpointType: "ServiceBusQueue", send: async (delivery) => void received.push(delivery) },
    });
    const client = new EventGridPublisherClient(
      emulator.topicEndpoint("orders"),
      "CloudEvent",
      new AzureKeyCredential(emulator.key),
      { allowInsecureConnection: true },
    );
    const send = (data: unknown) => client.send([{ type: "t", source: "/s", id: "1", data: data as never }]);
    for (const data of ["plain", 42.5, false]) await expect(send(data)).rejects.toThrow(/must be of type object/);
    await send([1, 2]);
    await eventually(() => received.length === 1);
    expect(JSON.parse(received[0]!.body).data).toEqual({ "0": 1, "1": 2 });
  });

  it("custom topic: any data and every extension arrive", async () => {
    const emulator = await open({ topics: ["orders"] });
    const received: AzureDelivery[] = [];
    await emulator.control.createSubscription("orders", {
      name: "all",
      destination: { endpointType: "ServiceBusQueue", send: async (delivery) => void received.push(delivery) },
    });
    const adapter = eventGrid({
      kind: "custom",
      topics: { orders: { endpoint: emulator.topicEndpoint("orders"), key: emulator.key } },
    });
    const sender = await adapter.openSender("orders");
    const events = ANY_DATA.map(([what, data, more]) => raw(what, data, { ...EXTENSIONS, ...more }));
    const outcomes = await sender.send(events.map(message), signal);
    expect(outcomes.filter(({ ok }) => !ok)).toEqual([]);
    await eventually(() => received.length === events.length);
    const came = received.map(({ body, contentType }) =>
      eventOf({ message: { id: "", body: Buffer.from(body), headers: {}, contentType } }),
    );
    // Azure destinations get the event as it travels: what has no data says null there, with a mark.
    const plain = came.filter(({ id }) => id !== "nothing");
    expect(plain).toEqual(expect.arrayContaining(events.filter(({ id }) => id !== "nothing")));
    expect(plain).toHaveLength(events.length - 1);
  });

  it("namespace: any data and every extension come back by pull, with the count of deliveries", async () => {
    const { adapter } = await namespace();
    const sender = await adapter.openSender("orders");
    const events = ANY_DATA.map(([what, data, more]) => raw(what, data, { ...EXTENSIONS, ...more }));
    expect((await sender.send(events.map(message), signal)).every(({ ok }) => ok)).toBe(true);
    const receiver = await adapter.openReceiver({ topic: "orders", subscription: "billing", startFrom: "earliest" });
    const deliveries = await receiveAll(receiver, events.length);
    expect(deliveries.map(eventOf)).toEqual(events);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    for (const delivery of deliveries) expect(delivery.deliveryCount).toBe(1);
  });
});

describe("publish", () => {
  it("one event that the service refuses fails alone, whatever else is in the request", async () => {
    const { adapter, emulator } = await namespace();
    const sender = await adapter.openSender("orders");
    const bad = Buffer.from(JSON.stringify({ ...raw("bad", 1), time: "yesterday" }));
    const messages = Array.from({ length: 50 }, (_, index) => message(raw(`e-${index}`, index)));
    messages.splice(17, 0, { id: "bad", body: bad, headers: {} });
    const outcomes = await sender.send(messages, signal);
    expect(outcomes.map(({ ok }) => ok)).toEqual(messages.map(({ id }) => id !== "bad"));
    expect(adapter.classify((outcomes[17] as { error: unknown }).error)).toBe("invalid");
    expect(emulator.control.state("shop/orders", "billing").events).toHaveLength(50);
  });

  it("keeps within 1 MB a request, however much it is handed", async () => {
    const { adapter, emulator } = await namespace();
    const sender = await adapter.openSender("orders");
    const messages = Array.from({ length: 30 }, (_, index) => message(raw(`e-${index}`, "x".repeat(200_000))));
    expect((await sender.send(messages, signal)).every(({ ok }) => ok)).toBe(true);
    expect(emulator.control.state("shop/orders", "billing").events).toHaveLength(30);
  });

  it("two documents in one body are one message, not two events", async () => {
    const { adapter, emulator } = await namespace();
    const sender = await adapter.openSender("orders");
    const text = JSON.stringify(raw("smuggled", 1));
    const [outcome] = await sender.send([{ id: "m", body: Buffer.from(`${text},${text}`), headers: {} }], signal);
    expect(outcome?.ok).toBe(true);
    expect(emulator.control.state("shop/orders", "billing").events).toHaveLength(1);
  });

  it("to a domain, `source` names the domain topic on the way and is the event's own again on arrival", async () => {
    const received: AzureDelivery[] = [];
    const sink = {
      name: "all",
      destination: {
        endpointType: "ServiceBusQueue",
        send: async (delivery: AzureDelivery) => void received.push(delivery),
      },
    } as const;
    const emulator = await open({
      domains: [{ name: "shop", topics: [{ name: "dev--orders", subscriptions: [sink] }] }],
    });
    const adapter = eventGrid({
      kind: "domain",
      endpoint: emulator.topicEndpoint("shop"),
      key: emulator.key,
      prefix: "dev",
    });
    for (const topic of ["orders", "payments"]) {
      const sender = await adapter.openSender(topic);
      const events = ANY_DATA.map(([what, data, more]) => raw(`${topic} ${what}`, data, { ...EXTENSIONS, ...more }));
      expect((await sender.send(events.map(message), signal)).filter(({ ok }) => !ok)).toEqual([]);
    }
    await eventually(() => received.length === ANY_DATA.length);
    const sent = received.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    for (const event of sent)
      expect(event).toMatchObject({ source: "dev--orders", wbsource: "/shop", id: expect.stringMatching(/^orders /) });
    await expect(adapter.openSender("orders/billing/dead")).rejects.toMatchObject({ code: "WB_EVENT_GRID_UNDECLARED" });
  });

  it("refuses to write dead letters where nobody could read them", async () => {
    const emulator = await open({ namespaces: [{ name: "shop", topics: [{ name: "orders--billing--dead" }] }] });
    const adapter = eventGrid({ endpoint: emulator.endpoint, key: emulator.key });
    const opening = adapter.openSender("orders/billing/dead");
    await expect(opening).rejects.toMatchObject({ code: "WB_EVENT_GRID_CALL" });
    expect(adapter.classify(await opening.catch((error: unknown) => error))).toBe("not-found");
  });
});

describe("pull", () => {
  it("settles a hundred in one call each way, and says which token was lost", async () => {
    const { adapter, emulator } = await namespace();
    const sender = await adapter.openSender("orders");
    await sender.send(
      Array.from({ length: 150 }, (_, index) => message(raw(`e-${index}`, index))),
      signal,
    );
    const receiver = await adapter.openReceiver({ topic: "orders", subscription: "billing", startFrom: "earliest" });
    const deliveries = await receiveAll(receiver, 150);
    emulator.control.expireLocks("shop/orders", "billing", (deliveries[3]!.raw as { lockToken: string }).lockToken);
    const outcomes = await receiver.settle(
      deliveries.map((delivery) => ({ delivery, kind: "ack" })),
      signal,
    );
    expect(outcomes.map(({ ok }) => ok)).toEqual(deliveries.map((_, index) => index !== 3));
    expect(deliveries[3]!.lost.aborted).toBe(true);
    expect(emulator.control.state("shop/orders", "billing").delivered).toBe(149);
  });

  it("gives back what arrives when nobody receives any more, and what is taken stays taken", async () => {
    const { adapter, emulator } = await namespace();
    const receiver = await adapter.openReceiver({ topic: "orders", subscription: "billing", startFrom: "earliest" });
    expect(await receiver.receive(want(), signal)).toEqual([]);
    const sender = await adapter.openSender("orders");
    await sender.send([message(raw("1", 1)), message(raw("2", 2))], signal);
    const states = () =>
      emulator.control.state("shop/orders", "billing").events.map((one) => ("state" in one ? one.state : ""));
    await eventually(() => states().every((state) => state === "locked"));
    await eventually(() => states().every((state) => state === "available"));
    const [one] = await receiveAll(receiver, 1);
    await receiver.close();
    await eventually(() => states().filter((state) => state === "locked").length === 1);
    expect(one?.deliveryCount).toBeGreaterThan(1);
  });

  it("rejects where a dead-letter destination is known, and only there", async () => {
    const dead: string[] = [];
    const subscription = { deadLetter: async (_path: string, json: string) => void dead.push(json) };
    const { adapter, emulator } = await namespace({ deadLettered: ["orders/billing"] }, subscription);
    const receiver = await adapter.openReceiver({ topic: "orders", subscription: "billing", startFrom: "earliest" });
    expect(receiver.capabilities.reject).toBe(true);
    await (await adapter.openSender("orders")).send([message(raw("1", 1))], signal);
    const [delivery] = await receiveAll(receiver, 1);
    const reason = {
      reason: "rejected",
      error: "",
      attempts: 1,
      topic: "orders",
      subscription: "billing",
      firstFailure: "",
      time: "",
    };
    expect(await receiver.settle([{ delivery: delivery!, kind: "reject", reason }], signal)).toMatchObject([
      { ok: true },
    ]);
    emulator.control.advanceClock(10 * 60_000);
    await eventually(() => dead.length === 1);
    const other = await adapter.openReceiver({
      topic: "orders/billing/dead",
      subscription: "billing",
      startFrom: "earliest",
    });
    expect(other.capabilities.reject).toBe(false);
  });

  it("an event is moved to where only this subscription reads before its last delivery, and its attempts count on", async () => {
    const { adapter, emulator } = await namespace({ maxDeliveryCount: 3 }, { maxDeliveryCount: 3 });
    const sender = await adapter.openSender("orders");
    const receiver = await adapter.openReceiver({ topic: "orders", subscription: "billing", startFrom: "earliest" });
    await sender.send([message(raw("1", { a: 1 }, EXTENSIONS))], signal);
    const seen: [deliveryCount: number | undefined, attempt: number | undefined][] = [];
    for (let round = 1; round <= 6; round++) {
      const [delivery] = await receiveAll(receiver, 1);
      expect(eventOf(delivery!)).toEqual(raw("1", { a: 1 }, EXTENSIONS));
      seen.push([delivery!.deliveryCount, codec.decode(delivery!.message).bookkeeping.attempt]);
      await receiver.settle([{ delivery: delivery!, kind: "release", delayMs: 0 }], signal);
    }
    expect(seen).toEqual([
      [1, undefined],
      [2, undefined],
      [1, 3],
      [2, 4],
      [1, 5],
      [2, 6],
    ]);
    for (const topic of ["orders", "orders--billing"]) {
      const { deadLetters } = emulator.control.state(`shop/${topic}`, "billing");
      expect(deadLetters).toEqual({ written: 0, dropped: 0, waiting: 0 });
    }
  });

  it("a dead letter can be looked at more often than the service delivers", async () => {
    const { adapter, emulator } = await namespace({ maxDeliveryCount: 3, lockMs: 2_000 }, { maxDeliveryCount: 3 });
    const bus = createBus({ source: "/shop", adapter });
    onTestFinished(() => bus.close());
    await bus.publishRaw("orders", raw("1", 1));
    const spy = createSpy();
    const consuming = createBus({ source: "/shop", adapter, observers: [spy] });
    await consuming.subscribe("orders", { name: "billing", retry: { attempts: 1 } }, () => {
      throw new Error("out of stock");
    });
    await spy.waitFor("deadLettered");
    for (let look = 1; look <= 5; look++) {
      const letters = bus.deadLetters("orders", "billing");
      expect((await letters.list()).map(({ id, reason }) => [id, reason?.error])).toEqual([["1", "out of stock"]]);
      await letters.close();
    }
    const { deadLetters } = emulator.control.state("shop/orders--billing--dead", "billing");
    expect(deadLetters).toMatchObject({ dropped: 0 });
  });

  it("a service that goes silent is an error within the timeout, and events flow once it is back", async () => {
    const { adapter, emulator } = await namespace({ requestTimeoutMs: 500 });
    const bus = createBus({ source: "/shop", adapter });
    onTestFinished(() => bus.close());
    emulator.control.stopAnswering(true);
    const health = await adapter.health(signal);
    expect(health).toMatchObject({ ok: false, error: { code: "WB_EVENT_GRID_CALL" } });
    emulator.control.stopAnswering(false);
    const spy = createSpy();
    const seen = createBus({ source: "/shop", adapter, observers: [spy] });
    await seen.subscribe("orders", { name: "billing" }, () => undefined);
    await bus.publishRaw("orders", raw("1", 1));
    await spy.waitFor("processed");
  });
});

describe("errors", () => {
  const KEY = "Y2FuYXJ5LWtleS1vZi1ldmVudC1ncmlk";

  /** Everything that a program could print of it. */
  const printed = (error: unknown) => {
    const { cause } = error as Error;
    return [
      String(error),
      (error as Error).stack,
      inspect(error, { depth: 10, showHidden: true }),
      JSON.stringify(error),
      JSON.stringify(cause),
    ].join("\n");
  };

  async function failure(work: () => unknown): Promise<WaybillError> {
    const startMs = Date.now();
    const error = await (async () => work())().then(
      (answer) => (Array.isArray(answer) ? (answer[0] as { error?: unknown })?.error : undefined),
      (thrown: unknown) => thrown,
    );
    expect(Date.now() - startMs).toBeLessThan(5_000);
    expect(error).toBeInstanceOf(WaybillError);
    const { code, sentence, hint } = error as WaybillError;
    expect(code).toMatch(/^WB_/);
    expect(sentence.length).toBeGreaterThan(20);
    expect(hint.length).toBeGreaterThan(10);
    expect(printed(error)).not.toContain(KEY);
    return error as WaybillError;
  }

  const one = [message(raw("1", 1))];
  const send = async (options: EventGridOptions, topic = "orders", messages = one) =>
    (await eventGrid(options).openSender(topic)).send(messages, signal);

  it("a wrong key, for a namespace, a custom topic and a receiver", async () => {
    const emulator = await open({
      topics: ["orders"],
      namespaces: [{ name: "shop", topics: [{ name: "orders", subscriptions: [{ name: "billing" }] }] }],
    });
    const endpoint = emulator.endpoint;
    const topics = { orders: { endpoint: emulator.topicEndpoint("orders"), key: KEY } };
    for (const work of [
      () => send({ endpoint, key: KEY }),
      () => send({ kind: "custom", topics }),
      () =>
        eventGrid({ endpoint, key: KEY }).openReceiver({
          topic: "orders",
          subscription: "billing",
          startFrom: "earliest",
        }),
    ]) {
      const error = await failure(work);
      expect(eventGrid({ endpoint, key: KEY }).classify(error)).toBe("unauthorized");
      expect(error.hint).toMatch(/EventGrid Data/);
    }
    expect(
      await eventGrid({ endpoint, key: KEY, subscriptions: { orders: ["billing"] } }).health(signal),
    ).toMatchObject({ ok: false });
    expect(await eventGrid({ kind: "custom", topics }).health(signal)).toMatchObject({ ok: false });
    expect(await eventGrid({ kind: "domain", endpoint, key: KEY }).health(signal)).toMatchObject({ ok: false });
  });

  it("a SAS that is good, and one that has expired", async () => {
    const emulator = await open({ topics: ["orders"] });
    const endpoint = emulator.topicEndpoint("orders");
    const sas = (untilMs: number) =>
      generateSharedAccessSignature(endpoint, new AzureKeyCredential(emulator.key), new Date(Date.now() + untilMs));
    expect(await send({ kind: "custom", topics: { orders: { endpoint, sas: await sas(60_000) } } })).toMatchObject([
      { ok: true },
    ]);
    const expired = await sas(-60_000);
    const error = await failure(() => send({ kind: "custom", topics: { orders: { endpoint, sas: expired } } }));
    expect(error.hint).toMatch(/expiry/);
    expect(printed(error)).not.toContain(expired.split("&s=")[1]);
  });

  it("a topic, an event subscription and an address that do not exist", async () => {
    const { emulator, adapter } = await namespace();
    const { endpoint, key } = emulator;
    expect(adapter.classify(await failure(() => send({ endpoint, key }, "absent")))).toBe("not-found");
    const source = { topic: "orders", subscription: "absent", startFrom: "earliest" } as const;
    const missing = await failure(() => adapter.openReceiver(source));
    expect(adapter.classify(missing)).toBe("not-found");
    expect(missing.hint).toMatch(/waybill topology plan/);
    expect(adapter.classify(await failure(() => send({ endpoint: "http://127.0.0.1:1", key })))).toBe("transient");
  });

  it("an event that is too large, and a message that has headers or no body", async () => {
    const { adapter } = await namespace();
    const sender = await adapter.openSender("orders");
    const large = message(raw("1", "x".repeat(1_100_000)));
    expect((await failure(() => sender.send([large], signal))).code).toBe("WB_EVENT_GRID_TOO_LARGE");
    const headed = { id: "1", body: Buffer.from("{}"), headers: { a: "b" } };
    expect((await failure(() => sender.send([headed], signal))).code).toBe("WB_EVENT_GRID_MESSAGE");
    expect((await failure(() => sender.send([{ id: "1", body: null, headers: {} }], signal))).code).toBe(
      "WB_EVENT_GRID_MESSAGE",
    );
  });

  it("through the bus, a wrong key ends a publish at once", async () => {
    const { emulator } = await namespace();
    const bus = createBus({ source: "/shop", adapter: eventGrid({ endpoint: emulator.endpoint, key: KEY }) });
    onTestFinished(() => bus.close());
    const startMs = Date.now();
    const outcome = await bus.publishRaw("orders", raw("1", 1));
    expect(outcome.ok).toBe(false);
    expect(Date.now() - startMs).toBeLessThan(5_000);
    expect(isWaybillError((outcome as { error: unknown }).error)).toBe(true);
  });
});

describe("topology", () => {
  it("names what is missing and the command that makes it, where no management client is handed in", async () => {
    const emulator = await open({
      namespaces: [{ name: "shop", topics: [{ name: "dev--orders", subscriptions: [{ name: "billing" }] }] }],
    });
    const adapter = eventGrid({
      endpoint: emulator.endpoint,
      key: emulator.key,
      prefix: "dev",
      subscriptions: { orders: ["billing", "mail"] },
    });
    const steps = await adapter.topology!.plan({ prune: false, signal });
    expect(steps.every(({ action, apply }) => action === "refuse" && apply === undefined)).toBe(true);
    expect(steps.map(({ name }) => name)).not.toContain("dev--orders/billing");
    expect(steps.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["dev--orders/mail", "dev--orders--billing--dead/billing"]),
    );
    const mail = steps.find(({ name }) => name === "dev--orders/mail")!;
    expect(mail.detail).toMatch(
      /az eventgrid namespace topic event-subscription create .*--topic-name dev--orders --name mail /,
    );
    expect(mail.detail).toMatch(/receiveLockDurationInSeconds:60/);
    const pushing = eventGrid({
      endpoint: emulator.endpoint,
      key: emulator.key,
      subscriptions: { orders: ["mail"] },
      webhook: { anonymous: true },
      pushed: ["orders/mail"],
    });
    const pushed = await pushing.topology!.plan({ prune: false, signal });
    expect(pushed.find(({ name }) => name === "orders/mail")).toMatchObject({
      action: "refuse",
      detail: expect.stringContaining("deliveryMode:Push"),
    });
    // A webhook has nothing of its own to read: what is redriven could not reach it alone.
    expect(pushed.map(({ name }) => name)).not.toContain("orders--mail/mail");
  });
});

it("signs in with a token of Entra ID, at a namespace and at a custom topic, and over TLS only", async () => {
  const topics = [{ name: "orders", subscriptions: [{ name: "billing" }] }];
  const emulator = await open({ tls: true, topics: ["invoices"], namespaces: [{ name: "shop", topics }] });
  const endpoint = emulator.secureEndpoint!;
  const scopes: unknown[] = [];
  const credential = {
    getToken: async (scope: unknown) => {
      scopes.push(scope);
      return { token: "a-token-of-entra", expiresOnTimestamp: Date.now() + 3_600_000 };
    },
  };
  const client = { tlsOptions: { ca: emulator.certificate! } };
  const pulling = eventGrid({ endpoint, credential, client });
  const pushing = eventGrid({
    kind: "custom",
    credential,
    client,
    topics: { invoices: { endpoint: `${endpoint}/invoices/api/events` } },
  });
  onTestFinished(async () => {
    await pulling.close();
    await pushing.close();
  });
  for (const sender of [await pulling.openSender("orders"), await pushing.openSender("invoices")]) {
    expect(await sender.send([message(raw("1", 1))], signal)).toMatchObject([{ ok: true }]);
  }
  const receiver = await pulling.openReceiver({ topic: "orders", subscription: "billing", startFrom: "earliest" });
  expect(await receiveAll(receiver, 1)).toHaveLength(1);
  expect(new Set(scopes.flat())).toEqual(new Set(["https://eventgrid.azure.net/.default"]));
  // Kept until it is about to expire: one for each client.
  expect(scopes).toHaveLength(2);
  const failing = {
    getToken: async () =>
      Promise.reject(Object.assign(new Error("no identity here"), { name: "CredentialUnavailableError" })),
  };
  const refused = await (await eventGrid({ endpoint, credential: failing, client }).openSender("orders")).send(
    [message(raw("2", 1))],
    signal,
  );
  expect(pulling.classify((refused[0] as { error: unknown }).error)).toBe("unauthorized");
});

it("speaks to a namespace as its REST interface is documented", async () => {
  const { emulator, adapter } = await namespace();
  const foreign = raw("1", { a: 1 }, EXTENSIONS);
  const structured = { "content-type": "application/cloudevents+json" };
  expect((await rest(emulator, "/topics/orders:publish", foreign, structured)).status).toBe(200);
  const receiver = await adapter.openReceiver({ topic: "orders", subscription: "billing", startFrom: "earliest" });
  const [delivery] = await receiveAll(receiver, 1);
  expect(eventOf(delivery!)).toEqual(foreign);
  await (await adapter.openSender("orders")).send([message(raw("2", { a: 1 }, EXTENSIONS))], signal);
  const { body } = await rest(emulator, "/topics/orders/eventsubscriptions/billing:receive?maxEvents=1&maxWaitTime=10");
  expect(body.value[0].event).toEqual(raw("2", { a: 1 }, EXTENSIONS));
});
