import { expect, it } from "vitest";
import type { ConsumerOptions, KafkaEngine } from "./engine/engine.ts";
import { openReceiver } from "./receiver.ts";

const want = { max: 1, maxBytes: 1, pausedLanes: new Set<string>() };

it("tells why its membership ended before it joins again, however long that takes, and not once more after it", async () => {
  const joined: ConsumerOptions[] = [];
  const second = Promise.withResolvers<void>();
  const openConsumer: KafkaEngine["openConsumer"] = async (options) => {
    if (joined.push(options) > 1) await second.promise;
    return {
      pause: () => undefined,
      resume: () => undefined,
      commit: async () => undefined,
      close: async () => undefined,
    };
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
