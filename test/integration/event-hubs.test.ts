import { getCACertificates, setDefaultCACertificates } from "node:tls";
import {
  type CheckpointStore,
  EventHubBufferedProducerClient,
  EventHubConsumerClient,
  EventHubProducerClient,
  earliestEventPosition,
  MessagingError,
  type ReceivedEventData,
} from "@azure/event-hubs";
import { BlobCheckpointStore } from "@azure/eventhubs-checkpointstore-blob";
import { ContainerClient } from "@azure/storage-blob";
import { createBus, isWaybillError } from "@waybill/core";
import {
  createCodec,
  type Delivery,
  type OutboundMessage,
  type Outcome,
  type Receiver,
  type Sender,
  type Source,
  type Want,
} from "@waybill/core/spi";
import {
  type Azurite,
  type EventHubsEmulator,
  type EventHubsEmulatorOptions,
  startAzurite,
  startEventHubsEmulator,
} from "@waybill/emulators";
import { type EventHubsOptions, eventHubs } from "@waybill/event-hubs";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { startTcpProxy } from "../chaos/broker/tcp-proxy.ts";
import { throughPort } from "./event-hubs.fixture.ts";
import { memoryStore } from "./event-hubs-store.fixture.ts";

/** Azurite, or the reason why there is none: skipped on a person's machine, failed in CI. */
let noAzurite = "";
const azurite: Azurite = await startAzurite({ queues: false, blobs: true }).catch((error: Error) => {
  if (process.env.CI) throw error;
  noAzurite = error.message;
  return { connectionString: "UseDevelopmentStorage=true" } as Azurite;
});
if (noAzurite) console.warn(`event-hubs integration tests are skipped: ${noAzurite}`);

const CONTAINER = "checkpoints";
const container = new ContainerClient(azurite.connectionString, CONTAINER);
const checkpoints = { connectionString: azurite.connectionString, container: CONTAINER };
const never = new AbortController().signal;
const codec = createCodec();
let emulator: EventHubsEmulator;
let topics = 0;

beforeAll(async () => {
  emulator = await startEventHubsEmulator();
});
afterAll(async () => {
  await emulator.close();
  await azurite.stop?.();
});

interface SetUp extends Partial<EventHubsOptions> {
  readonly partitions?: number;
}

/** A hub of its own for each test, with the group `billing`. Partitions are shared out quickly; every adapter is closed when the test ends. */
function setUp({ partitions = 1, ...options }: SetUp = {}) {
  const topic = `topic-${++topics}`;
  const hub = { partitionCount: partitions, consumerGroups: ["billing"] };
  emulator.control.createHub(topic, hub);
  for (const own of [`${topic}.billing`, `${topic}.billing.dead`])
    emulator.control.createHub(own, { partitionCount: 1 });
  const open = (more: Partial<EventHubsOptions> = {}) => {
    const adapter = eventHubs({
      connectionString: emulator.connectionString,
      checkpoints,
      updateIntervalMs: 300,
      ownershipMs: 60_000,
      ...options,
      ...more,
    });
    onTestFinished(() => adapter.close());
    return adapter;
  };
  const source = (startFrom: Source["startFrom"] = "earliest"): Source => ({
    topic,
    subscription: "billing",
    startFrom,
  });
  /** Of its first partition. */
  const checkpoint = async (partition = "0") => {
    const found = await new BlobCheckpointStore(container).listCheckpoints("127.0.0.1", topic, "billing");
    return found.find(({ partitionId }) => partitionId === partition)?.sequenceNumber;
  };
  return { topic, open, source, checkpoint, state: () => emulator.control.state(topic) };
}

const event = (id: string, key = "k", data: unknown = { id }): OutboundMessage =>
  codec.encode({ specversion: "1.0", id, source: "/shop", type: "placed", data, partitionkey: key } as never, {
    headers: true,
  });
const want = (more: Partial<Want> = {}): Want => ({
  max: 100,
  maxBytes: 64 * 1024 * 1024,
  pausedLanes: new Set<string>(),
  ...more,
});
const idOf = (delivery: Delivery) => codec.decode(delivery.message).event.id;
const acks = (...deliveries: readonly Delivery[]) => deliveries.map((delivery) => ({ delivery, kind: "ack" as const }));
const ids = (count: number, prefix = "e") => Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
const errorOf = (outcome: Outcome<unknown> | undefined) => (outcome?.ok === false ? outcome.error : undefined);
const thrown = (work: Promise<unknown>) =>
  work.then(
    () => "no error",
    (error: unknown) => error,
  );

async function sent(sender: Sender, messages: readonly OutboundMessage[]) {
  const outcomes = await sender.send(messages, never);
  expect(outcomes.filter((outcome) => !outcome.ok)).toEqual([]);
}

async function receiveAll(receiver: Receiver, count: number, withinMs = 20_000): Promise<Delivery[]> {
  const found: Delivery[] = [];
  for (const until = Date.now() + withinMs; found.length < count && Date.now() < until; )
    found.push(...(await receiver.receive(want(), never)));
  expect(found.length).toBeGreaterThanOrEqual(count);
  return found;
}

/** A timer, by Node's insides. */
const isWaiting = (timer: NodeJS.Timeout & { _destroyed?: boolean }) => timer.hasRef() && timer._destroyed === false;
const soon = <T>(look: () => T) => expect.poll(look, { timeout: 20_000, interval: 20 });

describe.skipIf(noAzurite !== "")("positions", () => {
  const stores: [string, () => EventHubsOptions["checkpoints"] & object][] = [
    ["blobs", () => checkpoints],
    ["any store", () => ({ store: memoryStore() })],
  ];

  it("the SDK's own write moves a position backwards", async () => {
    await container.createIfNotExists();
    const bare = new BlobCheckpointStore(container);
    const place = { fullyQualifiedNamespace: "bare", eventHubName: "h", consumerGroup: "g", partitionId: "0" };
    await bare.updateCheckpoint({ ...place, sequenceNumber: 9, offset: "9" });
    await bare.updateCheckpoint({ ...place, sequenceNumber: 3, offset: "3" });
    expect(await bare.listCheckpoints("bare", "h", "g")).toMatchObject([{ sequenceNumber: 3 }]);
  });

  it.each(stores)("a stale owner takes no position back: %s", async (_name, form) => {
    const given = form();
    const store: CheckpointStore =
      "store" in given ? given.store : (new BlobCheckpointStore(container) as unknown as CheckpointStore);
    const { topic, open, source } = setUp({ checkpoints: given, updateIntervalMs: 30_000 });
    const adapter = open();
    const receiver = await adapter.openReceiver(source());
    await sent(
      await adapter.openSender(topic),
      ids(4).map((id) => event(id)),
    );
    const [first, second] = (await receiveAll(receiver, 4)) as [Delivery, Delivery];
    expect(await receiver.settle(acks(first), never)).toMatchObject([{ ok: true }]);
    // Another owner comes, and goes on further; this one has not heard of it yet.
    const [owned] = await store.listOwnership("127.0.0.1", topic, "billing");
    await store.claimOwnership([{ ...owned!, ownerId: "another" }]);
    const further = { fullyQualifiedNamespace: "127.0.0.1", eventHubName: topic, consumerGroup: "billing" };
    await store.updateCheckpoint({ ...further, partitionId: "0", sequenceNumber: 3, offset: "300" });
    expect(second.lost.aborted).toBe(false);
    const [late] = await receiver.settle(acks(second), never);
    expect(adapter.classify(errorOf(late))).toBe("lost");
    expect(second.lost.aborted).toBe(true);
    expect(await store.listCheckpoints("127.0.0.1", topic, "billing")).toMatchObject([{ sequenceNumber: 3 }]);
  });

  it("an owner whose predecessor's late write is ahead goes on", async () => {
    const { topic, open, source, checkpoint } = setUp({ updateIntervalMs: 30_000 });
    const adapter = open();
    const receiver = await adapter.openReceiver(source());
    await sent(
      await adapter.openSender(topic),
      ids(4).map((id) => event(id)),
    );
    const all = await receiveAll(receiver, 4);
    const place = { fullyQualifiedNamespace: "127.0.0.1", eventHubName: topic, consumerGroup: "billing" };
    await new BlobCheckpointStore(container).updateCheckpoint({
      ...place,
      partitionId: "0",
      sequenceNumber: 2,
      offset: "2",
    });
    expect(await receiver.settle(acks(all[1]!), never)).toMatchObject([{ ok: true }]);
    expect(await checkpoint()).toBe(2);
    expect(await receiver.settle(acks(all[3]!), never)).toMatchObject([{ ok: true }]);
    expect(await checkpoint()).toBe(3);
  });

  it("latest begins where the hub ended when it was opened, also for who comes later", async () => {
    const { topic, open, source } = setUp({ partitions: 2 });
    const adapter = open();
    const sender = await adapter.openSender(topic);
    await sent(sender, [event("before")]);
    await (await adapter.openReceiver(source("latest"))).close();
    await sent(sender, [event("between")]);
    const again = await open().openReceiver(source("latest"));
    expect((await receiveAll(again, 1)).map(idOf)).toEqual(["between"]);
  });

  it("while the store is down nothing is acked, and nothing is lost", async () => {
    const blobPort = Number(new URL(azurite.blobEndpoint as string).port);
    const proxy = await startTcpProxy(blobPort);
    onTestFinished(() => proxy.close());
    const connectionString = throughPort(azurite.connectionString, blobPort, proxy.port);
    const { topic, open, source, checkpoint } = setUp({ checkpoints: { connectionString, container: CONTAINER } });
    const adapter = open();
    const receiver = await adapter.openReceiver(source());
    const sender = await adapter.openSender(topic);
    await sent(sender, [event("a"), event("b")]);
    const [a, b] = (await receiveAll(receiver, 2)) as [Delivery, Delivery];
    await receiver.settle(acks(a), never);
    proxy.refuse(true);
    const [outcome] = await receiver.settle(acks(b), never);
    expect(adapter.classify(errorOf(outcome))).toBe("transient");
    expect(isWaybillError(errorOf(outcome), "WB_EVENT_HUBS_CALL")).toBe(true);
    expect(await checkpoint()).toBe(0);
    // The next receive says what is wrong with sharing out, and reading goes on.
    await expect
      .poll(() => thrown(receiver.receive(want(), never)), { timeout: 20_000 })
      .toMatchObject({
        code: "WB_EVENT_HUBS_CALL",
      });
    proxy.refuse(false);
    await expect.poll(() => receiver.settle(acks(b), never), { timeout: 20_000 }).toMatchObject([{ ok: true }]);
    expect(await checkpoint()).toBe(1);
  });
});

describe.skipIf(noAzurite !== "")("partitions that are taken away", () => {
  it("while a handler runs: it is told, its late ack fails, and the next owner gets the event", async () => {
    const { topic, open, source } = setUp({ ownershipMs: 1_000 });
    const bus = createBus({ source: "/shop", adapter: open() });
    const told: string[] = [];
    let begun = 0;
    await bus.subscribe(topic, { name: "billing" }, async (received, { signal }) => {
      begun++;
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      told.push(received.id);
    });
    expect(await bus.publishRaw(topic, codec.decode(event("a")).event)).toMatchObject({ ok: true });
    await soon(() => begun).toBe(1);
    const next = await open().openReceiver(source());
    // As a consumer with a higher owner level would: the first is not asked.
    const release = emulator.control.takeOver(topic, "0", { consumerGroup: "billing" });
    await soon(() => told).toEqual(["a"]);
    release();
    await bus.close();
    const [again] = await receiveAll(next, 1);
    expect(idOf(again!)).toBe("a");
    expect(await next.settle(acks(again!), never)).toMatchObject([{ ok: true }]);
  });

  it("a partition that the broker took and gave back is read again in the next round, not when ownership ends", async () => {
    const { topic, open, source } = setUp();
    const adapter = open();
    const receiver = await adapter.openReceiver(source());
    await sent(await adapter.openSender(topic), [event("a")]);
    const [first] = await receiveAll(receiver, 1);
    const release = emulator.control.takeOver(topic, "0", { consumerGroup: "billing" });
    await soon(() => first!.lost.aborted).toBe(true);
    release();
    const beganMs = Date.now();
    expect((await receiveAll(receiver, 1)).map(idOf)).toEqual(["a"]);
    expect(Date.now() - beganMs).toBeLessThan(20_000);
  });

  it("an owner that hears of another from the store alone gives up at once, though its link still stands", async () => {
    const { topic, open, source, state } = setUp();
    const adapter = open();
    const receiver = await adapter.openReceiver(source());
    await sent(await adapter.openSender(topic), [event("a"), event("b")]);
    const [first] = await receiver
      .receive(want({ max: 1 }), never)
      .then(async (found) => (found.length > 0 ? found : receiveAll(receiver, 1)));
    const store = new BlobCheckpointStore(container);
    const [owned] = await store.listOwnership("127.0.0.1", topic, "billing");
    await store.claimOwnership([{ ...owned!, ownerId: "another" }]);
    await soon(() => first!.lost.aborted).toBe(true);
    await soon(() => state()[0]?.readers).toEqual([]);
    const [late] = await receiver.settle(acks(first!), never);
    expect(adapter.classify(errorOf(late))).toBe("lost");
  });

  it("two consumers share the partitions, and when one closes the other has them all", async () => {
    const { topic, open, source } = setUp({ partitions: 4 });
    const adapter = open();
    const one = await adapter.openReceiver(source());
    const two = await open().openReceiver(source());
    const owners = async () => {
      const all = await new BlobCheckpointStore(container).listOwnership("127.0.0.1", topic, "billing");
      return new Set(all.map(({ ownerId }) => ownerId)).size;
    };
    await expect.poll(owners, { timeout: 20_000 }).toBe(2);
    await one.close();
    const sender = await adapter.openSender(topic);
    await sent(
      sender,
      ids(40).map((id, index) => event(id, `k-${index}`)),
    );
    const found = await receiveAll(two, 40);
    expect(new Set(found.map(idOf)).size).toBe(40);
  });
});

describe.skipIf(noAzurite !== "")("faults", () => {
  it.each([
    [
      "looks retryable to the SDK",
      () => Object.assign(new MessagingError("a send inside it failed"), { retryable: true }),
    ],
    ["is plain", () => new TypeError("x is not a function")],
  ])("a handler's error that %s skips nothing and stalls nothing", async (_name, failure) => {
    const { topic, open, checkpoint } = setUp();
    const bus = createBus({ source: "/shop", adapter: open() });
    const done: string[] = [];
    const attempts: number[] = [];
    await bus.subscribe(topic, { name: "billing", retry: { attempts: 5, initialMs: 20 } }, (received, { attempt }) => {
      if (received.id === "e-1") attempts.push(attempt);
      if (received.id === "e-1" && attempt < 3) throw failure();
      done.push(received.id);
    });
    for (const id of ids(4)) await bus.publishRaw(topic, codec.decode(event(id)).event);
    await soon(() => done).toEqual(ids(4));
    expect(attempts).toEqual([1, 2, 3]);
    await expect.poll(() => checkpoint(), { timeout: 10_000 }).toBe(3);
    await bus.close();
  });

  it("cut connections lose nothing, in either direction", async () => {
    // The SDK lets a send wait out its time when its connection is cut.
    const { topic, open, source } = setUp({ partitions: 2, client: { retryOptions: { timeoutInMs: 1_000 } } });
    const adapter = open();
    const receiver = await adapter.openReceiver(source());
    const sender = await adapter.openSender(topic);
    const seen = new Set<string>();
    for (let round = 0; round < 4; round++) {
      const messages = ids(20, `r${round}`).map((id, index) => event(id, `k-${index}`));
      if (round > 0) expect(emulator.control.cutConnections({ hub: topic })).toBeGreaterThan(0);
      let left = messages;
      await expect
        .poll(
          async () => {
            const outcomes = await sender.send(left, never);
            left = left.filter((_, index) => !outcomes[index]?.ok);
            return left.length;
          },
          { timeout: 20_000 },
        )
        .toBe(0);
      await expect
        .poll(
          async () => {
            const found = await receiver.receive(want(), never).catch(() => []);
            for (const delivery of found) seen.add(idOf(delivery));
            await receiver.settle(acks(...found), never);
            return seen.size;
          },
          { timeout: 30_000 },
        )
        .toBe(20 * (round + 1));
    }
  });

  it("connections that stand and carry nothing more are replaced, for sending and for receiving", async () => {
    const proxy = await startTcpProxy(emulator.port);
    onTestFinished(() => proxy.close());
    const connectionString = throughPort(emulator.connectionString, emulator.port, proxy.port);
    const { topic, open, source } = setUp({ connectionString, partitions: 2, requestTimeoutMs: 1_000 });
    const timers = vi.spyOn(globalThis, "setTimeout");
    const adapter = open();
    const receiver = await adapter.openReceiver(source());
    const sender = await adapter.openSender(topic);
    const seen = new Set<string>();
    const receiveUntil = (count: number) =>
      expect
        .poll(
          async () => {
            const found = await receiver.receive(want(), never).catch(() => []);
            for (const delivery of found) seen.add(idOf(delivery));
            await receiver.settle(acks(...found), never);
            return seen.size;
          },
          { timeout: 20_000 },
        )
        .toBe(count);
    const sendAll = (messages: OutboundMessage[]) =>
      expect
        .poll(async () => (await sender.send(messages, never)).every(({ ok }) => ok), { timeout: 10_000 })
        .toBe(true);
    await sendAll([event("before")]);
    await receiveUntil(1);
    expect(proxy.stall()).toBeGreaterThan(1);
    await sendAll(ids(20).map((id, index) => event(id, `k-${index}`)));
    await receiveUntil(21);
    expect((await adapter.health(never)).ok).toBe(true);
    await adapter.close();
    // The SDK's own for the next token, 45 minutes, and the heartbeat's, two, would hold the process.
    const holding = () => timers.mock.results.filter(({ value }) => isWaiting(value) && value._idleTimeout > 60_000);
    await soon(() => holding().length).toBe(0);
    timers.mockRestore();
  });

  it("throttling is said, within seconds, and passes", async () => {
    const { topic, open } = setUp();
    const adapter = open();
    const sender = await adapter.openSender(topic);
    emulator.control.throttle(true);
    try {
      const [outcome] = await sender.send([event("a")], never);
      expect(adapter.classify(errorOf(outcome))).toBe("throttled");
      expect(errorOf(outcome)).toMatchObject({ code: "WB_EVENT_HUBS_CALL" });
    } finally {
      emulator.control.throttle(false);
    }
    await sent(sender, [event("a")]);
  });

  it("a namespace that accepts and never answers fails every call in time", async () => {
    const silent = await startTcpProxy(emulator.port);
    onTestFinished(() => silent.close());
    const connectionString = throughPort(emulator.connectionString, emulator.port, silent.port);
    const { topic, open, source } = setUp({ connectionString, requestTimeoutMs: 1_500 });
    const adapter = open();
    const sender = await adapter.openSender(topic);
    silent.stall();
    const health = await adapter.health(AbortSignal.timeout(500));
    expect(health.ok).toBe(false);
    const [outcome] = await sender.send([event("a")], never);
    expect(adapter.classify(errorOf(outcome))).toBe("transient");
    const { closed, opening } = { closed: adapter.close(), opening: thrown(adapter.openReceiver(source())) };
    await closed;
    expect(adapter.classify(await opening)).toBe("closed");
  });

  it("no more is buffered than was asked for, however slowly it trickled before", async () => {
    const { topic, open, source, state } = setUp({ updateIntervalMs: 30_000 });
    const adapter = open();
    const receiver = await adapter.openReceiver(source());
    const sender = await adapter.openSender(topic);
    // Each of these lets the SDK grant a batch of credit for one event.
    const trickled = 160;
    for (let n = 0; n < trickled; n++) {
      await sent(sender, [event(`t-${n}`)]);
      const found = await receiveAll(receiver, 1);
      await receiver.settle(acks(...found), never);
    }
    for (let n = 0; n < 12; n++)
      await sent(
        sender,
        ids(1_000, `b${n}`).map((id) => event(id)),
      );
    const next = () => state()[0]?.readers[0]?.nextSequenceNumber ?? 0;
    await soon(next).toBeGreaterThan(trickled);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(next() - trickled).toBeLessThan(5_500);
    expect(state()[0]?.eventCount).toBe(trickled + 12_000);
  });

  it("a paused lane holds its partition back at the broker, and the others go on", async () => {
    const { topic, open, source, state } = setUp({ partitions: 2, partitionBatch: 10 });
    const adapter = open();
    const receiver = await adapter.openReceiver(source());
    const sender = await adapter.openSender(topic);
    await sent(
      sender,
      ids(2_000).map((id, index) => event(id, `k-${index % 40}`)),
    );
    const pausedLanes = new Set(["0"]);
    const { eventCount: there = 0 } = state()[1] ?? {};
    const found: Delivery[] = [];
    while (found.length < there) found.push(...(await receiver.receive(want({ pausedLanes }), never)));
    expect(new Set(found.map(({ lane }) => lane))).toEqual(new Set(["1"]));
    const { readers = [], eventCount = 0 } = state()[0] ?? {};
    expect(readers[0]?.nextSequenceNumber).toBeLessThan(eventCount);
    expect((await receiveAll(receiver, eventCount)).every(({ lane }) => lane === "0")).toBe(true);
  });
});

describe.skipIf(noAzurite !== "")("what cannot work says so within seconds", () => {
  const CANARY = "canary0c4nary0CANARY";
  const strict = async (options: EventHubsEmulatorOptions = {}) => {
    const started = await startEventHubsEmulator({ hubs: { orders: { partitionCount: 1 } }, ...options });
    onTestFinished(() => started.close());
    const connectionString = started.connectionString.replace("SAS_KEY_VALUE", CANARY);
    return { ...started, connectionString };
  };
  const expired = (port: number) =>
    `Endpoint=sb://127.0.0.1:${port};SharedAccessSignature=SharedAccessSignature sr=sb%3A%2F%2F127.0.0.1&sig=${CANARY}&se=1000000000&skn=Root;UseDevelopmentEmulator=true`;
  /** As the service: an expired or wrong token gets 401. */
  const checkToken: EventHubsEmulatorOptions["checkToken"] = () => ({
    status: 401,
    description: "InvalidSignature: The token has an invalid signature.",
  });
  const source: Source = { topic: "orders", subscription: "billing", startFrom: "earliest" };

  it.each<[string, string, string, () => Promise<EventHubsOptions>]>([
    [
      "a wrong key",
      "unauthorized",
      "WB_EVENT_HUBS_CALL",
      async () => ({ connectionString: (await strict({ checkToken })).connectionString, checkpoints }),
    ],
    [
      "an expired SAS",
      "unauthorized",
      "WB_EVENT_HUBS_CALL",
      async () => ({ connectionString: expired((await strict({ checkToken })).port), checkpoints }),
    ],
    [
      "nobody at that address",
      "transient",
      "WB_EVENT_HUBS_CALL",
      async () => ({ connectionString: (await strict()).connectionString.replace(/:\d+;/, ":1;"), checkpoints }),
    ],
    [
      "a missing hub",
      "not-found",
      "WB_EVENT_HUBS_CALL",
      async () => ({ connectionString: (await strict({ hubs: {} })).connectionString, checkpoints }),
    ],
    [
      "a missing consumer group",
      "not-found",
      "WB_EVENT_HUBS_CALL",
      async () => ({ connectionString: (await strict()).connectionString, checkpoints }),
    ],
    [
      "a wrong key of the checkpoint store",
      "unauthorized",
      "WB_EVENT_HUBS_CALL",
      async () => ({
        connectionString: (await strict({ hubs: { orders: { consumerGroups: ["billing"] } } })).connectionString,
        checkpoints: { connectionString: azurite.connectionString.replace(/AccountKey=[^;]+/, "AccountKey=Y2FuYXJ5") },
      }),
    ],
    [
      "no place for checkpoints",
      "invalid",
      "WB_EVENT_HUBS_CHECKPOINTS",
      async () => ({ connectionString: (await strict()).connectionString }),
    ],
  ])("%s: %s", async (_name, kind, code, options) => {
    const adapter = eventHubs(await options());
    onTestFinished(() => adapter.close());
    const beganMs = performance.now();
    const error = await thrown(adapter.openReceiver(source));
    expect(performance.now() - beganMs).toBeLessThan(8_000);
    expect(error).toMatchObject({ code, sentence: expect.stringMatching(/./), hint: expect.stringMatching(/./) });
    expect(adapter.classify(error)).toBe(kind);
    expect(String(error)).not.toContain(CANARY);
    expect(JSON.stringify(error)).not.toContain(CANARY);
    const health = await adapter.health(never);
    if (kind === "unauthorized" && !/checkpoint/.test(_name)) expect(health).toMatchObject({ ok: false });
    expect(JSON.stringify(health)).not.toContain(CANARY);
  });

  it.each(["client", "service"] as const)(
    "measures a message as the SDK will, keys hashed by the %s",
    async (partitioner) => {
      const { topic, open } = setUp({ partitioner });
      const sender = await open().openSender(topic);
      const bare = new EventHubProducerClient(emulator.connectionString, topic);
      onTestFinished(() => bare.close());
      const text = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ minLength: 250, maxLength: 260 }));
      const message = fc.record({
        id: fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }).filter((id) => id.length <= 128),
        key: fc.option(fc.string({ minLength: 1, maxLength: 128 }), { nil: undefined }),
        contentType: fc.option(fc.string({ maxLength: 300 }), { nil: undefined }),
        body: fc.uint8Array({ maxLength: 300 }),
        headers: fc.dictionary(
          text.map((name) => `h${name}`),
          fc.oneof(text, fc.uint8Array({ maxLength: 300 })),
        ),
      });
      await fc.assert(
        fc.asyncProperty(message, async ({ key, contentType, id, body, headers }) => {
          const partitionKey = partitioner === "service" ? key : undefined;
          const batch = await bare.createBatch(partitionKey === undefined ? {} : { partitionKey });
          const carried = key === partitionKey ? headers : { ...headers, wbkey: key! };
          const properties = Object.keys(carried).length === 0 ? {} : { properties: carried };
          const type = contentType === undefined ? {} : { contentType };
          expect(batch.tryAdd({ body: Buffer.from(body), messageId: id, ...type, ...properties })).toBe(true);
          expect(sender.measure?.({ id, key, body, headers, contentType })).toBe(batch.sizeInBytes);
        }),
      );
    },
  );

  it("an event over the limit is refused with what its key has behind it, and with nothing else", async () => {
    const { topic, open } = setUp();
    const adapter = open();
    const sender = await adapter.openSender(topic);
    const large = event("large", "k", "x".repeat(1_048_576));
    const outcomes = await sender.send([event("a"), large, event("b"), event("c", "other")], never);
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, false, false, true]);
    expect(errorOf(outcomes[1])).toMatchObject({ code: "WB_EVENT_HUBS_TOO_LARGE" });
    expect(adapter.classify(errorOf(outcomes[1]))).toBe("too-large");
    // That one may be sent again.
    expect(adapter.classify(errorOf(outcomes[2]))).toBe("transient");
    // What the service itself says of such a one.
    const bare = new EventHubProducerClient(emulator.connectionString, topic, { retryOptions: { maxRetries: 0 } });
    const told = await thrown(bare.sendBatch([{ body: Buffer.alloc(1_048_576) }]));
    await bare.close();
    expect(adapter.classify(told)).toBe("too-large");
  });
});

/** What somebody without Waybill reads there. */
async function readBySdk(hub: string, count: number): Promise<(ReceivedEventData & { partition: string })[]> {
  const consumer = new EventHubConsumerClient("$Default", emulator.connectionString, hub);
  onTestFinished(() => consumer.close());
  const found: (ReceivedEventData & { partition: string })[] = [];
  consumer.subscribe(
    {
      processEvents: async (events, { partitionId: partition }) => {
        for (const each of events) found.push(Object.assign(each, { partition }));
      },
      processError: async () => undefined,
    },
    { startPosition: earliestEventPosition, maxBatchSize: 500, maxWaitTimeInSeconds: 1, skipParsingBodyAsJson: true },
  );
  await soon(() => found.length).toBe(count);
  return found;
}

describe("keys", () => {
  it("go to the partition where the SDK's buffered producer and the service put them", async () => {
    const keys = fc.sample(fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }), { numRuns: 300, seed: 1 });
    const some = [...new Set(keys)];
    const { topic, open } = setUp({ partitions: 5 });
    const messages = some.map((key, index) => ({ id: `${index}`, key, body: Buffer.from("x"), headers: {} }));
    const partitions = async (hub: string) => {
      const found = await readBySdk(hub, some.length);
      return found
        .map(({ messageId, partition }) => [Number(messageId), partition] as const)
        .sort(([a], [b]) => a - b)
        .map(([, partition]) => partition);
    };

    await sent(await open().openSender(topic), messages);
    const ours = await partitions(topic);
    expect(new Set(ours).size).toBe(5);

    const buffered = setUp({ partitions: 5 }).topic;
    const failures: unknown[] = [];
    const producer = new EventHubBufferedProducerClient(emulator.connectionString, buffered, {
      maxWaitTimeInMs: 100,
      onSendEventsErrorHandler: async ({ error }) => void failures.push(error),
    });
    for (const { id, key, body } of messages)
      await producer.enqueueEvent({ body, messageId: id }, { partitionKey: key });
    await producer.close();
    expect(failures).toEqual([]);
    expect(ours).toEqual(await partitions(buffered));

    const service = setUp({ partitions: 5, partitioner: "service" });
    await sent(await service.open().openSender(service.topic), messages);
    expect(ours).toEqual(await partitions(service.topic));
  });

  it.each(["client", "service"] as const)(
    "hashed by the %s, arrive whole, whatever carries them",
    async (partitioner) => {
      const { topic, open, source } = setUp({ partitions: 3, partitioner });
      const adapter = open();
      const long = "k".repeat(200);
      const document = (id: string, key?: string) => ({ id, key, body: Buffer.from("{}"), headers: {} });
      const messages = [event("attribute", "a"), event("long", long), document("own", "b"), document("own-long", long)];
      await sent(await adapter.openSender(topic), [...messages, document("none"), document("empty", "")]);
      const found = await receiveAll(await adapter.openReceiver(source()), 6);
      expect(new Map(found.map(({ message: { id, key, headers } }) => [id, [key, headers.wbkey]]))).toEqual(
        new Map([
          ["attribute", ["a", undefined]],
          ["long", [long, undefined]],
          ["own", ["b", undefined]],
          ["own-long", [long, undefined]],
          ["none", [undefined, undefined]],
          ["empty", [undefined, undefined]],
        ]),
      );
      const read = await readBySdk(topic, 6);
      const foreign = read.find(({ messageId }) => messageId === "attribute");
      expect(foreign?.properties).toMatchObject({ cloudEvents_partitionkey: "a" });
      expect(foreign?.partitionKey ?? undefined).toBe(partitioner === "service" ? "a" : undefined);
    },
  );
});

describe.skipIf(noAzurite !== "")("ways in", () => {
  it("a token credential over TLS, also through a WebSocket", async () => {
    const tokens: string[] = [];
    const secure = await startEventHubsEmulator({
      tls: true,
      hubs: { orders: { partitionCount: 1, consumerGroups: ["billing"] } },
      checkToken: ({ type, token }) => {
        tokens.push(`${type} ${token}`);
        return undefined;
      },
    });
    onTestFinished(() => secure.close());
    const trusted = getCACertificates("default");
    setDefaultCACertificates([...trusted, secure.certificate as string]);
    onTestFinished(() => setDefaultCACertificates(trusted));
    const credential = { getToken: async () => ({ token: "a.b.c", expiresOnTimestamp: Date.now() + 3_600_000 }) };
    for (const webSocket of [false, true]) {
      const adapter = eventHubs({
        fullyQualifiedNamespace: `localhost:${secure.port}`,
        credential,
        checkpoints,
        webSocket,
        updateIntervalMs: 300,
      });
      onTestFinished(() => adapter.close());
      const id = `over-${webSocket}`;
      const receiver = await adapter.openReceiver({ topic: "orders", subscription: "billing", startFrom: "latest" });
      await sent(await adapter.openSender("orders"), [event(id)]);
      const found = await receiveAll(receiver, 1);
      expect(found.map(idOf)).toEqual([id]);
      await receiver.settle(acks(...found), never);
      await adapter.close();
    }
    expect(new Set(tokens)).toEqual(new Set(["jwt a.b.c"]));
  });

  it("any checkpoint store, and a consumer group set by hand", async () => {
    const store = memoryStore();
    const { topic, open, source } = setUp({ checkpoints: { store } });
    const adapter = open({ consumerGroups: { [`${`topic-${topics}`}/billing`]: "$Default" } });
    const receiver = await adapter.openReceiver(source());
    expect(receiver.returnTo).toBeUndefined();
    await sent(await adapter.openSender(topic), [event("a"), event("b")]);
    const [, second] = await receiveAll(receiver, 2);
    await receiver.settle(acks(second!), never);
    expect(await store.listCheckpoints("127.0.0.1", topic, "$Default")).toMatchObject([{ sequenceNumber: 1 }]);
    expect(await adapter.backlog?.(source())).toEqual({ events: 0 });
  });
});

describe.skipIf(noAzurite !== "")("topology", () => {
  it("without the management plane names what is missing, with the command that makes it", async () => {
    const topic = `topic-${++topics}`;
    emulator.control.createHub(topic, { partitionCount: 1, consumerGroups: ["mail"] });
    const adapter = eventHubs({
      connectionString: emulator.connectionString,
      checkpoints: { connectionString: azurite.connectionString, container: "not-made-yet" },
      subscriptions: { [topic]: ["billing", "mail"] },
    });
    onTestFinished(() => adapter.close());
    const steps = await adapter.topology.plan({ prune: true, signal: never });
    expect(steps.map(({ action, entity, name }) => [action, entity, name])).toEqual([
      ["create", "blob container", "not-made-yet"],
      ["refuse", "consumer group", `${topic}/billing`],
      ["refuse", "event hub", `${topic}.billing.dead`],
      ["refuse", "event hub", `${topic}.mail.dead`],
    ]);
    expect(steps[1]?.detail).toContain(
      `az eventhubs eventhub consumer-group create --resource-group RESOURCE_GROUP --namespace-name 127 --eventhub-name ${topic} --name billing`,
    );
    expect(steps[2]?.detail).toContain("az eventhubs eventhub create ");
    await steps[0]?.apply?.(never);
    expect(await adapter.topology.plan({ prune: false, signal: never })).toHaveLength(3);
  });
});
