import type { Want } from "@waybill/core/spi";
import { expect, it } from "vitest";
import type { FetchedBatch } from "./engine/engine.ts";
import { type KafkaDelivery, Partition } from "./partitions.ts";
import { Prefetch } from "./prefetch.ts";

const { signal } = new AbortController();

function setUp() {
  const told: string[] = [];
  const prefetch = new Prefetch({
    pause: ({ lane }) => told.push(`pause ${lane}`),
    resume: ({ lane }) => told.push(`resume ${lane}`),
  });
  const take = async (want: Partial<Want> = {}) =>
    (await prefetch.receive(
      { max: 500, maxBytes: 64 << 20, pausedLanes: new Set(), ...want },
      signal,
      0,
    )) as readonly KafkaDelivery[];
  return { prefetch, told, take };
}

const partition = (number: number) => new Partition({ topic: "t", partition: number }, 0n);

/** Offsets from `first` on, and a transaction marker behind the last. */
function batch({ topic, partition: number }: Partition, first: number, count: number, bytes = 1): FetchedBatch {
  let taken = 0;
  return {
    topic,
    partition: number,
    next: BigInt(first + count + 1),
    get count() {
      return count - taken;
    },
    get bytes() {
      return (count - taken) * bytes;
    },
    nextBytes: bytes,
    skipTo: (offset) => {
      taken = Math.max(taken, Number(offset) - first);
    },
    take: () => ({
      offset: BigInt(first + taken++),
      message: { id: "1", body: Buffer.alloc(bytes), headers: {} },
    }),
  };
}

const offsets = (deliveries: readonly KafkaDelivery[]) => deliveries.map(({ raw }) => Number(raw.offset));

it("gives each partition its share, in order, and commits past what stands behind the last record", async () => {
  const { prefetch, take } = setUp();
  const [a, b] = [partition(0), partition(1)];
  const seenBefore = batch(a, 0, 6);
  seenBefore.skipTo(2n);
  await prefetch.add(a, seenBefore);
  await prefetch.add(a, batch(a, 7, 2));
  await prefetch.add(b, batch(b, 0, 3));
  const first = await take({ max: 4 });
  expect(first.map(({ lane }) => lane)).toEqual(["t/0", "t/0", "t/1", "t/1"]);
  const rest = await take();
  const ofA = [...first, ...rest].filter(({ lane }) => lane === "t/0");
  expect(offsets(ofA)).toEqual([2, 3, 4, 5, 7, 8]);
  expect(ofA.map(({ commits }) => commits)).toEqual([3n, 4n, 5n, 7n, 8n, 10n]);
  expect(await take()).toEqual([]);
});

it("gives one record however large, and no more than fit", async () => {
  const { prefetch, take } = setUp();
  const a = partition(0);
  await prefetch.add(a, batch(a, 0, 5, 100));
  expect(await take({ maxBytes: 10 })).toHaveLength(1);
  expect(await take({ maxBytes: 250 })).toHaveLength(2);
});

it("holds the engine up while core takes, pauses a partition when it takes nothing, and goes on when there is room", async () => {
  const { prefetch, told, take } = setUp();
  const a = partition(0);
  let fetchesOn = false;
  const held = prefetch.add(a, batch(a, 0, 5_000)).then(() => {
    fetchesOn = true;
  });
  await take();
  expect(fetchesOn).toBe(false);
  await take();
  await held;
  expect(told).toEqual([]);
  await prefetch.add(a, batch(a, 5_000, 5_000));
  expect(told).toEqual(["pause t/0"]);
  for (let round = 0; round < 9; round++) await take();
  expect(told).toEqual(["pause t/0"]);
  for (let round = 0; round < 3; round++) await take();
  expect(told).toEqual(["pause t/0", "resume t/0"]);
});

it("counts nothing of a lane that core has paused against the others, and stops reading it", async () => {
  const { prefetch, told, take } = setUp();
  const [stuck, other] = [partition(0), partition(1)];
  const pausedLanes = new Set(["t/0"]);
  const adding = prefetch.add(stuck, batch(stuck, 0, 5_000));
  expect(await take({ pausedLanes })).toEqual([]);
  await adding;
  expect(told).toEqual(["pause t/0"]);
  await prefetch.add(other, batch(other, 0, 100));
  expect(await take({ pausedLanes })).toHaveLength(100);
  expect(told).toEqual(["pause t/0"]);
  for (let round = 0; round < 10; round++) await take();
  expect(told).toEqual(["pause t/0", "resume t/0"]);
});

it("forgets what waits of a partition that has moved, and leaves it readable for when it comes back", async () => {
  const { prefetch, told, take } = setUp();
  const [moved, kept] = [partition(0), partition(1)];
  await prefetch.add(moved, batch(moved, 0, 5_000));
  expect(told).toEqual(["pause t/0"]);
  prefetch.forget(moved);
  expect(told).toEqual(["pause t/0", "resume t/0"]);
  await prefetch.add(kept, batch(kept, 0, 10));
  expect(offsets(await take())).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

it("throws once what the engine failed with", async () => {
  const { prefetch, take } = setUp();
  prefetch.fail(new Error("gone"));
  await expect(take()).rejects.toThrow("gone");
  expect(await take()).toEqual([]);
});

it("hands over what it read before a record that cannot be read, then says so, and goes on with the others", async () => {
  const { prefetch, take } = setUp();
  const [broken, other] = [partition(0), partition(1)];
  const unreadable = batch(broken, 0, 3);
  const read = unreadable.take;
  unreadable.take = () => {
    if (unreadable.count === 1) throw new RangeError("unreadable");
    return read();
  };
  await prefetch.add(broken, unreadable);
  expect(offsets(await take())).toEqual([0, 1]);
  await expect(take()).rejects.toThrow("unreadable");
  await prefetch.add(other, batch(other, 0, 2));
  await expect(take().then(() => take())).rejects.toThrow("unreadable");
  expect((await take()).map(({ lane }) => lane)).toEqual(["t/1", "t/1"]);
  expect(broken.records).toBe(1);
});
