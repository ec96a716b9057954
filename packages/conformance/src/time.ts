import { setTimeout as wait } from "node:timers/promises";
import { type Clock, systemClock } from "@waybill/core/spi";
import type { ManualClock } from "@waybill/core/testing";

/** Time as the broker under test sees it. Cases wait for facts; where only time can prove something, they let it pass here. */
export interface Time {
  /** What the bus under test is given. */
  readonly clock: Clock;
  /** How long nothing must arrive before a case believes that nothing will. */
  readonly quietMs: number;
  pass(ms: number): Promise<void>;
  /** Lets time pass until `holds`; throws, naming `what`, when that takes longer than `maxMs` (default: `patienceMs`). */
  until(holds: () => boolean, what: string, maxMs?: number): Promise<void>;
}

/** Turns of the event loop that a chain of promises may take before a manual clock moves. */
const TURNS = 25;
const MAX_STEP_MS = 500;

/** For a broker that runs on a manual clock: nothing waits for real time. Never overlap two calls. */
export function manualTime(clock: ManualClock, { quietMs = 3_000, patienceMs = 900_000 } = {}): Time {
  return {
    clock,
    quietMs,
    pass: (ms) => clock.advance(ms),
    async until(holds, what, maxMs = patienceMs) {
      const startMs = clock.now();
      for (let stepMs = 1; ; stepMs = Math.min(2 * stepMs, MAX_STEP_MS)) {
        for (let turn = 0; turn < TURNS; turn++) {
          if (holds()) return;
          await new Promise((resolve) => setImmediate(resolve));
        }
        if (clock.now() - startMs >= maxMs) throw late(what, maxMs);
        await clock.advance(stepMs);
      }
    },
  };
}

/** For a real broker. `quietMs` should be a few times what a message takes; `patienceMs` bounds every wait. */
export function realTime({ quietMs = 500, patienceMs = 20_000 } = {}): Time {
  return {
    clock: systemClock,
    quietMs,
    pass: (ms) => wait(ms),
    async until(holds, what, maxMs = patienceMs) {
      const startMs = performance.now();
      for (let turn = 0; !holds(); turn++) {
        if (performance.now() - startMs > maxMs) throw late(what, maxMs);
        await (turn < TURNS ? new Promise((resolve) => setImmediate(resolve)) : wait(2));
      }
    },
  };
}

function late(what: string, maxMs: number): Error {
  return new Error(`Waited ${maxMs} ms in vain for this: ${what}.`);
}
