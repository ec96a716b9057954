import { expect, it } from "vitest";
import { pullCapabilities } from "./capabilities.ts";
import type { PulledEvent, PullSource } from "./pull-source.ts";
import { createReceiver } from "./receiver.ts";

const { signal } = new AbortController();
const want = { max: 10, maxBytes: 1_000_000, pausedLanes: new Set<string>() };
const pulled = (lockToken: string): PulledEvent => ({
  lockToken,
  deliveryCount: 1,
  event: { specversion: "1.0", id: "1", source: "/shop", type: "placed" },
});

it("gives back, as it closes, what it has just given back and got again", async () => {
  const closing = new AbortController();
  const waiting = Promise.withResolvers<readonly PulledEvent[]>();
  const released: string[] = [];
  let calls = 0;
  const source: PullSource = {
    place: "orders/billing",
    receive: () => (++calls === 1 ? Promise.resolve([pulled("first")]) : waiting.promise),
    settle: async ({ operation }, tokens) => {
      if (operation === "release") released.push(...tokens);
      // The call that waits at the service gets it, and its answer is on the way for a while.
      setTimeout(() => waiting.resolve([pulled("second")]), 50);
      return new Map();
    },
    exists: async () => true,
  };
  const receiver = createReceiver({
    sources: [source],
    returnTo: undefined,
    lastDeliveries: undefined,
    capabilities: pullCapabilities(60_000, false),
    lockMs: 60_000,
    waitMs: 10,
    closed: closing.signal,
    close: () => {
      closing.abort();
      waiting.reject(new Error("cut off"));
    },
  });
  const [delivery] = await receiver.receive(want, signal);
  expect(await receiver.receive(want, signal)).toEqual([]);
  await receiver.settle([{ delivery: delivery!, kind: "release", delayMs: 0 }], signal);
  await receiver.close();
  expect(released).toEqual(["first", "second"]);
});
