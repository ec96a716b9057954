import { defineEvent, defineTopic } from "@waybill/core";
import { z } from "zod";

/** The n-th event of its key. `poison` fails until the bug is mended; `flaky` fails once; `slow` keeps its handler for a while. */
export const stepTaken = defineEvent(
  "com.example.step.taken",
  z.object({ key: z.string(), n: z.int(), kind: z.enum(["plain", "poison", "flaky", "slow"]) }),
);
export const steps = defineTopic("steps", [stepTaken]);
/** Where subscription `b` sends what it gives up: on a broker entry of its own, which can be down by itself. */
export const graves = defineTopic("graves", [stepTaken]);
/** Beside it, that of `a` on a carrier that keeps graves. */
export const gravesOfA = defineTopic("graves-a", [stepTaken]);

/** `a` uses the broker's own place for dead letters, `b` the topic `graves`. */
export const SUBSCRIPTIONS = ["a", "b"] as const;
export const KEEPER = "keeper";
export const KEEPER_OF_A = "keeper-a";

export type Kind = "plain" | "poison" | "flaky" | "slow";

export interface Workload {
  readonly events: number;
  readonly keys: number;
  kindOf(key: number, n: number): Kind;
}

/** The same for the same seed, in every process. One event in 500 is poison, a few are flaky or slow. */
export function planWorkload(events: number, seed: number): Workload {
  const keys = Math.max(8, Math.min(500, Math.floor(events / 20)));
  return {
    events,
    keys,
    kindOf(key, n) {
      const dice = hash(seed, key, n) % 1_000;
      // However short the run, there is some poison in it.
      if (dice < 2 || (key < 2 && n === 3)) return "poison";
      if (dice < 10) return "flaky";
      return dice < 14 ? "slow" : "plain";
    },
  };
}

export const keyName = (key: number) => `key-${key}`;

/** Which events the workload has: the n of each key, from 1. */
export function* eventsOf({ events, keys, kindOf }: Workload): Generator<{ key: string; n: number; kind: Kind }> {
  for (let i = 0; i < events; i++) {
    const key = i % keys;
    const n = Math.floor(i / keys) + 1;
    yield { key: keyName(key), n, kind: kindOf(key, n) };
  }
}

/** Mixes three small numbers into one of 32 bits (the finaliser of MurmurHash3). */
function hash(seed: number, key: number, n: number): number {
  let h = Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(key + 1, 0x85ebca6b) ^ Math.imul(n + 1, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
