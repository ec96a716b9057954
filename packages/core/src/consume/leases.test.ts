import { expect, it } from "vitest";
import { createBus } from "../bus.ts";
import { createCodec } from "../codec/create-codec.ts";
import type { Adapter, Receiver } from "../spi/adapter.ts";
import type { Delivery } from "../spi/delivery.ts";
import { ManualClock } from "../testing/manual-clock.ts";

const LEASE_MS = 1_000;
const codec = createCodec();

/** A source of one lane, whose deliveries are put in by hand, and whose leases cannot be renewed. */
function laneOf(clock: ManualClock) {
  const waiting: Delivery[] = [];
  const settled: string[] = [];
  const put = (lost: AbortSignal, untilMs: () => number, ...ids: string[]) => {
    for (const id of ids) {
      const event = { specversion: "1.0", id, source: "/test", type: "t", partitionkey: "k" };
      const message = codec.encode(event as never, { headers: true });
      const delivery: Delivery = {
        message,
        lane: "l",
        raw: undefined,
        lost,
        get leaseUntil() {
          return new Date(untilMs());
        },
      };
      waiting.push(delivery);
    }
  };
  const receiver: Receiver = {
    capabilities: {
      settle: "each",
      order: "lane",
      lease: { ms: LEASE_MS, renewable: true },
      release: "now",
      reject: true,
      settleCost: "cheap",
      maxReceiveBatch: 10,
    },
    receive: async (_want, signal) => {
      await new Promise<void>((resolve) => {
        if (waiting.length > 0) return resolve();
        const timer = clock.after(10, resolve);
        const abort = () => {
          timer.clear();
          resolve();
        };
        signal.addEventListener("abort", abort, { once: true });
      });
      return signal.aborted ? [] : waiting.splice(0);
    },
    settle: async (settlements) => {
      for (const { delivery, kind } of settlements) settled.push(`${kind} ${delivery.message.id}`);
      return settlements.map(() => ({ ok: true, value: undefined }));
    },
    renew: async (deliveries) => deliveries.map(() => ({ ok: false, error: new Error("away") })),
    close: async () => undefined,
  };
  const adapter = {
    name: "one-lane",
    openReceiver: async () => receiver,
    openSender: async () => Promise.reject(new Error("none")),
    classify: () => "transient",
    health: async () => ({ ok: true }),
    close: async () => undefined,
  } as Adapter;
  return { adapter, put, settled };
}

it("loses all of a lane with one lease that ended, so that nothing passes what comes again", async () => {
  const clock = new ManualClock();
  const { adapter, put, settled } = laneOf(clock);
  const bus = createBus({ source: "/test", adapter, clock });
  const handled: string[] = [];
  await bus.subscribe("orders", { name: "a", order: "required" }, async (event, { signal }) => {
    handled.push(event.id);
    if (handled.length > 1) return;
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
  });
  const first = new AbortController();
  const startMs = clock.now();
  put(first.signal, () => startMs + LEASE_MS, "1");
  await clock.advance(400);
  // Taken in later, and so with a later end.
  put(first.signal, () => startMs + LEASE_MS + 400, "2");
  await clock.advance(800);
  expect(handled).toEqual(["1"]);
  first.abort();
  const again = clock.now();
  put(new AbortController().signal, () => again + LEASE_MS, "1", "2");
  await clock.advance(100);
  expect(handled).toEqual(["1", "1", "2"]);
  expect(settled).toEqual(["ack 1", "ack 2"]);
  await bus.close();
});

it("takes the end of a lease from the delivery, where another's renewal has moved it", async () => {
  const clock = new ManualClock();
  const { adapter, put, settled } = laneOf(clock);
  const bus = createBus({ source: "/test", adapter, clock });
  let untilMs = clock.now() + LEASE_MS;
  const finish = Promise.withResolvers<void>();
  await bus.subscribe("orders", { name: "a", order: "required" }, () => finish.promise);
  put(new AbortController().signal, () => untilMs, "1");
  await clock.advance(900);
  untilMs += 5_000;
  await clock.advance(2_000);
  finish.resolve();
  await clock.advance(100);
  expect(settled).toEqual(["ack 1"]);
  await bus.close();
});
