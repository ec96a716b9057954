import { expect, it } from "vitest";
import type { EngineProducer, KafkaEngine } from "./engine/engine.ts";
import { createProducers } from "./producers.ts";

/** Producers in the order in which they were made; each fails when it is told to. */
function setup() {
  const made: { fails: boolean; sent: string[]; closed: boolean; hold?: Promise<void> }[] = [];
  const openProducer = async (): Promise<EngineProducer> => {
    const state: (typeof made)[number] = { fails: false, sent: [], closed: false };
    made.push(state);
    return {
      async send(topic) {
        await state.hold;
        if (state.fails) throw new Error("OUT_OF_ORDER_SEQUENCE_NUMBER");
        state.sent.push(topic);
      },
      async close() {
        state.closed = true;
      },
    };
  };
  return { made, producers: createProducers(async () => ({ openProducer }) as unknown as KafkaEngine) };
}

it("never uses a producer again that failed, for another message would get the number of the lost one", async () => {
  const { made, producers } = setup();
  await producers.send("a", []);
  made[0]!.fails = true;
  await expect(producers.send("a", [])).rejects.toThrow("OUT_OF_ORDER");
  await producers.send("a", []);
  expect(made.map(({ sent }) => sent)).toEqual([["a"], ["a"]]);
  await expect.poll(() => made[0]!.closed).toBe(true);
  expect(made[1]!.closed).toBe(false);
});

it("closes one that failed only when what else it sends is through", async () => {
  const { made, producers } = setup();
  await producers.send("a", []);
  const { promise, resolve } = Promise.withResolvers<void>();
  made[0]!.hold = promise;
  const slow = producers.send("b", []);
  await new Promise((done) => setImmediate(done));
  delete made[0]!.hold;
  made[0]!.fails = true;
  await expect(producers.send("a", [])).rejects.toThrow();
  expect(made[0]!.closed).toBe(false);
  made[0]!.fails = false;
  resolve();
  await slow;
  await expect.poll(() => made[0]!.closed).toBe(true);
});
