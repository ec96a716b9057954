import { Socket } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import {
  EventHubBufferedProducerClient,
  EventHubConsumerClient,
  EventHubProducerClient,
  earliestEventPosition,
  type ReceivedEventData,
} from "@azure/event-hubs";
import { startEventHubsEmulator } from "@waybill/emulators";
import { eventHubs } from "@waybill/event-hubs";
import fc from "fast-check";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { event, idOf, openHubs, receiveAll, soon } from "./event-hubs-adapter.fixture.ts";
import { memoryStore } from "./event-hubs-store.fixture.ts";
import { acks, errorOf, never, sent, thrown } from "./sender-and-receiver.fixture.ts";

const { azurite, checkpoints, emulator, freshTopic, setUp } = await openHubs("event hubs");

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

describe.skipIf(!azurite)("connections", () => {
  it("write at once, where the SDK's small frames wait until the last one is acknowledged", async () => {
    const told = vi.spyOn(Socket.prototype, "setNoDelay");
    onTestFinished(() => told.mockRestore());
    /** Our ends of connections; in this process are the emulator's as well. */
    const prompt = () =>
      (told.mock.contexts as Socket[]).filter(({ remotePort }) => remotePort === emulator.port).length;
    const { topic, open, source } = setUp();
    const producer = new EventHubProducerClient(emulator.connectionString, topic);
    onTestFinished(() => producer.close());
    await producer.getPartitionIds();
    // When this fails the SDK has been mended, and rhea-connection.ts can lose a function.
    expect(prompt()).toBe(0);
    const adapter = open();
    await adapter.openSender(topic);
    expect(prompt()).toBe(1);
    await adapter.openReceiver(source());
    expect(prompt()).toBeGreaterThan(1);
  });
});

describe.skipIf(!azurite)("keys", () => {
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

describe("sizes", () => {
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

describe.skipIf(!azurite)("ways in", () => {
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
    const adapter = open({ consumerGroups: { [`${topic}/billing`]: "$Default" } });
    const receiver = await adapter.openReceiver(source());
    expect(receiver.returnTo).toBeUndefined();
    await sent(await adapter.openSender(topic), [event("a"), event("b")]);
    const [, second] = await receiveAll(receiver, 2);
    await receiver.settle(acks(second!), never);
    expect(await store.listCheckpoints("127.0.0.1", topic, "$Default")).toMatchObject([{ sequenceNumber: 1 }]);
    expect(await adapter.backlog?.(source())).toEqual({ events: 0 });
  });
});

describe.skipIf(!azurite)("topology", () => {
  it("without the management plane names what is missing, with the command that makes it", async () => {
    const topic = freshTopic();
    emulator.control.createHub(topic, { partitionCount: 1, consumerGroups: ["mail"] });
    const adapter = eventHubs({
      connectionString: emulator.connectionString,
      checkpoints: { connectionString: checkpoints.connectionString, container: "not-made-yet" },
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
