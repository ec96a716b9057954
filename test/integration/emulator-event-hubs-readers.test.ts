import { EventHubConsumerClient } from "@azure/event-hubs";
import { BlobCheckpointStore } from "@azure/eventhubs-checkpointstore-blob";
import { ContainerClient } from "@azure/storage-blob";
import { afterAll, describe, expect, it } from "vitest";
import { testAzurite } from "../azurite/test-azurite.ts";
import { bodies, eventually, type Opened, open, read, send } from "./emulator-event-hubs.fixture.ts";

const readersOf = ({ control }: Pick<Opened, "control">, partition = 0) => control.state("orders")[partition]!.readers;
const STOLEN = { code: "ReceiverDisconnectedError" };

describe("owner level", () => {
  // fidelity event-hubs: owner level: displaced and refused readers
  it.each([
    ["a higher one takes the partition", 1, 2],
    ["the same one takes the partition", 1, 1],
    ["any one takes it from readers without", undefined, 1],
  ])("%s", async (_name, first, second) => {
    const emulator = await open();
    const old = read(emulator.consumer(), "0", { ...(first === undefined ? {} : { ownerLevel: first }) });
    await eventually(() => readersOf(emulator)).toHaveLength(1);
    const fresh = read(emulator.consumer(), "0", { ownerLevel: second });
    await eventually(() => old.errors).toMatchObject([STOLEN]);
    await eventually(() => old.closed).toEqual(["OwnershipLost"]);
    expect(old.errors[0]?.message).toContain(`with higher epoch of '${second}' is created`);
    await send(emulator.producer(), "0", "a");
    await eventually(() => bodies(fresh.events)).toEqual(["a"]);
    expect(old.events).toEqual([]);
    expect(readersOf(emulator)).toMatchObject([{ ownerLevel: second, consumerGroup: "$Default" }]);
  });

  // fidelity event-hubs: owner level: displaced and refused readers
  it.each([
    ["a lower one is refused", 1],
    ["none is refused", undefined],
  ])("%s, until the owner leaves", async (_name, level) => {
    const emulator = await open();
    const owner = read(emulator.consumer(), "0", { ownerLevel: 2 });
    await eventually(() => readersOf(emulator)).toHaveLength(1);
    const options = level === undefined ? {} : { ownerLevel: level };
    const refused = read(emulator.consumer(), "0", options);
    await eventually(() => refused.errors).toMatchObject([STOLEN]);
    expect(readersOf(emulator)).toMatchObject([{ ownerLevel: 2 }]);
    await owner.stop();
    await eventually(() => readersOf(emulator)).toHaveLength(0);
    const accepted = read(emulator.consumer(), "0", options);
    await send(emulator.producer(), "0", "a");
    await eventually(() => bodies(accepted.events)).toEqual(["a"]);
    expect(owner.errors).toEqual([]);
  });

  // fidelity event-hubs: owner level: displaced and refused readers
  it("holds for one consumer group and one partition", async () => {
    const emulator = await open();
    read(emulator.consumer(), "0", { ownerLevel: 2 });
    await eventually(() => readersOf(emulator)).toHaveLength(1);
    const others = [read(emulator.consumer("orders", "billing"), "0"), read(emulator.consumer(), "1")];
    await eventually(() => readersOf(emulator)).toHaveLength(2);
    await eventually(() => readersOf(emulator, 1)).toHaveLength(1);
    expect(others.flatMap(({ errors }) => errors)).toEqual([]);
  });
});

// fidelity event-hubs: five readers without an owner level
it("takes five readers without an owner level, and not six", async () => {
  const emulator = await open();
  const five = Array.from({ length: 5 }, () => read(emulator.consumer(), "0"));
  await eventually(() => readersOf(emulator)).toHaveLength(5);
  const sixth = read(emulator.consumer(), "0");
  await eventually(() => sixth.errors).toMatchObject([{ code: "QuotaExceededError" }]);
  await send(emulator.producer(), "0", "a");
  await eventually(() => five.map(({ events }) => bodies(events))).toEqual(Array(5).fill(["a"]));
});

// fidelity event-hubs: link credit
it("sends no more than the credit", async () => {
  const emulator = await open();
  const producer = emulator.producer();
  await send(producer, "0", ...Array.from({ length: 20 }, (_, at) => at));
  let release = () => undefined as unknown;
  const held = new Promise((resolve) => {
    release = () => resolve(undefined);
  });
  const seen: unknown[] = [];
  emulator.consumer().subscribe(
    "0",
    {
      processEvents: async (events) => {
        seen.push(...bodies(events));
        await held;
      },
      processError: async () => undefined,
    },
    { startPosition: { offset: "-1" }, maxBatchSize: 1, prefetchCount: 4 },
  );
  await eventually(() => seen).toEqual([0]);
  await send(producer, "0", 20);
  expect(readersOf(emulator)).toMatchObject([{ nextSequenceNumber: 4 }]);
  release();
  await eventually(() => seen).toEqual(Array.from({ length: 21 }, (_, at) => at));
});

// fidelity event-hubs: runtime metrics: the last enqueued event beside each event
it("tells the last enqueued event beside each event, when asked", async () => {
  const emulator = await open();
  await send(emulator.producer(), "0", "a", "b", "c");
  const { lastEnqueuedOffset, lastEnqueuedOnUtc } = await emulator.producer().getPartitionProperties("0");
  const infos: { asked: boolean; retrievedOn?: Date }[] = [];
  const annotations = new Map<boolean, object>();
  for (const trackLastEnqueuedEventProperties of [true, false])
    emulator.consumer().subscribe(
      "0",
      {
        processEvents: async (events, context) => {
          const [event] = events;
          if (event !== undefined)
            annotations.set(trackLastEnqueuedEventProperties, event.getRawAmqpMessage().deliveryAnnotations ?? {});
          if (event !== undefined)
            infos.push({ asked: trackLastEnqueuedEventProperties, ...context.lastEnqueuedEventProperties });
        },
        processError: async () => undefined,
      },
      { startPosition: { offset: "-1" }, maxBatchSize: 3, trackLastEnqueuedEventProperties },
    );
  await eventually(() => infos).toHaveLength(2);
  expect(infos).toContainEqual({
    asked: true,
    sequenceNumber: 2,
    offset: lastEnqueuedOffset,
    enqueuedOn: lastEnqueuedOnUtc,
    retrievedOn: expect.any(Date),
  });
  expect(infos).toContainEqual({ asked: false });
  expect(annotations.get(true)).toHaveProperty("last_enqueued_offset");
  expect(annotations.get(false)).toEqual({});
  const retrieved = infos.find(({ asked }) => asked)?.retrievedOn?.getTime() ?? 0;
  expect(Math.abs(retrieved - Date.now())).toBeLessThan(10_000);
});

// fidelity event-hubs: load balancing and checkpoints in blobs of Azurite
describe("checkpoints in blobs", async () => {
  const azurite = await testAzurite("checkpoints in blobs", { queues: false, blobs: true });
  afterAll(() => azurite?.stop());

  it.skipIf(azurite === undefined)(
    "two processors share four partitions, one goes on from the checkpoints",
    async () => {
      const emulator = await open({ hubs: { orders: { partitionCount: 4 } } });
      const producer = emulator.producer();
      const container = new ContainerClient(azurite!.connectionString, "checkpoints");
      await container.createIfNotExists();
      const seen: unknown[] = [];
      const marks = new Map<string, number>();
      const process = () => {
        const client = new EventHubConsumerClient(
          "$Default",
          emulator.connectionString,
          "orders",
          new BlobCheckpointStore(container),
          {
            loadBalancingOptions: {
              strategy: "greedy",
              updateIntervalInMs: 150,
              partitionOwnershipExpirationIntervalInMs: 5_000,
            },
          },
        );
        const subscription = client.subscribe(
          {
            processEvents: async (events, context) => {
              seen.push(...bodies(events));
              const last = events.at(-1);
              if (last === undefined) return;
              await context.updateCheckpoint(last);
              marks.set(context.partitionId, last.sequenceNumber);
            },
            processError: async () => undefined,
          },
          { startPosition: { offset: "-1" }, maxBatchSize: 50, maxWaitTimeInSeconds: 1 },
        );
        return async () => {
          await subscription.close();
          await client.close();
        };
      };
      const spread = () =>
        emulator.control.state("orders").map(({ readers }) => readers.map(({ name }) => name).join());
      const first = process();
      await eventually(() => new Set(spread()).size === 1 && spread()[0] !== "").toBe(true);
      const second = process();
      await eventually(() => [...Map.groupBy(spread(), (name) => name).values()].map((names) => names.length)).toEqual([
        2, 2,
      ]);
      for (const id of ["0", "1", "2", "3"]) await send(producer, id, `${id}-a`, `${id}-b`);
      await eventually(() => [...marks.values()]).toEqual([1, 1, 1, 1]);
      expect(new Set(seen).size).toBe(8);
      await Promise.all([first(), second()]);
      await eventually(() => spread().join("")).toBe("");
      seen.length = 0;
      for (const id of ["0", "1", "2", "3"]) await send(producer, id, `${id}-c`);
      const third = process();
      await eventually(() => [...seen].sort()).toEqual(["0-c", "1-c", "2-c", "3-c"]);
      await third();
    },
  );
});
