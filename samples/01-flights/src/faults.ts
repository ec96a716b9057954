import type { Bus, CloudEvent, ConsumeMiddleware, RawCloudEvent } from "@waybill/core";
import { flights } from "./events.ts";

/** Which flights meet which trouble, by their numbers. */
export interface FaultPlan {
  /** Published twice. */
  readonly duplicated: ReadonlySet<number>;
  /** Their first attempt fails after its writes. */
  readonly failFirst: ReadonlySet<number>;
  /** No attempt succeeds until the bug is fixed. */
  readonly poison: ReadonlySet<number>;
}

const SHARE = { duplicated: 0.02, failFirst: 0.02, poison: 0.005 };

/** The same for the same seed and count, in every process. With one flight or more there is at least one of each kind, a single one being poison and duplicated. */
export function planFaults(seed: number, count: number): FaultPlan {
  const random = mulberry32(seed);
  const sets = { duplicated: new Set<number>(), failFirst: new Set<number>(), poison: new Set<number>() };
  for (const set of [sets.duplicated, sets.failFirst, sets.poison]) {
    if (count > 0) set.add(1 + Math.floor(random() * count));
  }
  for (let flight = 1; flight <= count; flight++) {
    if (random() < SHARE.duplicated) sets.duplicated.add(flight);
    if (random() < SHARE.failFirst) sets.failFirst.add(flight);
    if (random() < SHARE.poison) sets.poison.add(flight);
  }
  return sets;
}

export interface Faults {
  readonly middleware: ConsumeMiddleware;
  /** Resolves when the copies under way have been published. */
  settled(): Promise<void>;
}

/**
 * Trouble around the consumer's handler, inside the inbox's transaction. A copy is published while the original is being handled:
 * a producer that did not hear the broker's answer does the same. It can never overtake the original.
 */
export function faults(plan: FaultPlan, bus: Bus, { fixed }: { fixed: boolean }): Faults {
  const published = new Set<number>();
  const pending = new Set<Promise<unknown>>();

  const publishAgain = (flight: number, event: CloudEvent) => {
    published.add(flight);
    const publishing: Promise<unknown> = bus
      .publishRaw(flights.name, event as unknown as RawCloudEvent)
      .finally(() => pending.delete(publishing));
    pending.add(publishing);
  };

  return {
    middleware: (next) => async (event, ctx) => {
      const { flight } = event.data as { flight: number };
      if (plan.poison.has(flight) && !fixed) throw new Error(`The consumer has a bug that flight ${flight} meets.`);
      if (plan.duplicated.has(flight) && !published.has(flight)) publishAgain(flight, event);
      await next(event, ctx);
      if (plan.failFirst.has(flight) && ctx.attempt === 1) {
        throw new Error(`Flight ${flight} fails at first. What has been written for it must be undone.`);
      }
    },
    settled: async () => {
      while (pending.size > 0) await Promise.allSettled(pending);
    },
  };
}

function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
