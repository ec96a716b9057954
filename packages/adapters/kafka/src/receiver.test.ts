import { expect, it } from "vitest";
import type { ConsumerOptions, EngineConsumer, FetchedBatch, KafkaEngine } from "./engine/engine.ts";
import { openReceiver } from "./receiver.ts";

const want = { max: 1, maxBytes: 1, pausedLanes: new Set<string>() };

const memberWith = (commit: EngineConsumer["commit"]): EngineConsumer => ({
  pause: () => undefined,
  resume: () => undefined,
  commit,
  close: async () => undefined,
});

it("tells why its membership ended before it joins again, however long that takes, and not once more after it", async () => {
  const joined: ConsumerOptions[] = [];
  const second = Promise.withResolvers<void>();
  const openConsumer: KafkaEngine["openConsumer"] = async (options) => {
    if (joined.push(options) > 1) await second.promise;
    return memberWith(async () => undefined);
  };
  const receiver = await openReceiver({
    engine: async () => ({ openConsumer }) as unknown as KafkaEngine,
    groupId: "orders.billing",
    topics: ["orders"],
    returnTo: undefined,
    positions: async () => [],
  });
  joined[0]!.failed(new Error("its leader is gone"));
  await expect(receiver.receive(want, new AbortController().signal)).rejects.toThrow("its leader is gone");
  expect(joined).toHaveLength(1);

  const again = receiver.receive(want, new AbortController().signal);
  await expect.poll(() => joined.length).toBe(2);
  second.resolve();
  expect(await again).toEqual([]);
  await receiver.close();
});

/** One record at this offset. */
function batchAt(offset: bigint): FetchedBatch {
  const message = {
    id: `${offset}`,
    key: undefined,
    keyBytes: undefined,
    body: null,
    headers: {},
    contentType: undefined,
    timeMs: 0,
  };
  const batch = {
    topic: "orders",
    partition: 0,
    next: offset + 1n,
    count: 1,
    bytes: 1,
    nextBytes: 1,
    skipTo: () => undefined,
    take() {
      batch.count = 0;
      return { offset, message };
    },
  };
  return batch;
}

it("reads on when it hears late that the member that it was before is none any more", async () => {
  let engine!: ConsumerOptions;
  const committing = Promise.withResolvers<void>();
  const openConsumer: KafkaEngine["openConsumer"] = async (options) => {
    engine = options;
    return memberWith(() => committing.promise);
  };
  const receiver = await openReceiver({
    engine: async () => ({ openConsumer }) as unknown as KafkaEngine,
    groupId: "orders.billing",
    topics: ["orders"],
    returnTo: undefined,
    positions: async (_, assigned) => assigned.map((one) => ({ ...one, offset: 0n, isNew: false })),
  });
  const { signal } = new AbortController();
  const place = [{ topic: "orders", partition: 0 }];
  await engine.assigned(place, true);
  void engine.records(batchAt(0n));
  const [first] = await receiver.receive(want, signal);
  const settling = receiver.settle([{ kind: "ack", delivery: first! }], signal);

  await engine.assigned(place, true);
  void engine.records(batchAt(0n));
  const [again] = await receiver.receive(want, signal);
  committing.reject(
    Object.assign(new Error("The coordinator is not aware of this member"), { type: "UNKNOWN_MEMBER_ID" }),
  );
  expect(await settling).toMatchObject([{ ok: false }]);
  expect(again!.lost.aborted).toBe(false);
  void engine.records(batchAt(1n));
  expect((await receiver.receive(want, signal)).map(({ message }) => message.id)).toEqual(["1"]);
  await receiver.close();
});
