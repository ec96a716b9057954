import type { Clock, Timer } from "../clock.ts";

interface Pending {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Turns of the real event loop between two timers: enough for a promise that waits for an immediate, twice over. */
const TURNS = 3;

/**
 * A clock that stands still until a test moves it. Timers fire in time order, those of one moment in the order they were set; between two
 * of them promises settle and the real event loop turns, so code that awaits a timer and sets the next one behaves as in real time.
 *
 * Never overlap two calls of `advance` or `runUntil`.
 */
export class ManualClock implements Clock {
  #nowMs: number;
  #order = 0;
  /** Sorted: the next to fire is last. */
  readonly #timers: Pending[] = [];

  /** Starts at 2026-01-01T00:00:00Z unless told otherwise (milliseconds since the epoch). */
  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  /** Timers set and neither fired nor cleared. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Whole milliseconds, as of a real timer: a fraction is rounded up. */
  after(ms: number, run: () => void): Timer {
    const timer: Pending = { atMs: this.#nowMs + Math.ceil(Math.max(0, ms)), order: this.#order++, run };
    this.#timers.splice(this.#indexFor(timer), 0, timer);
    return {
      clear: () => {
        const index = this.#timers.indexOf(timer);
        if (index >= 0) this.#timers.splice(index, 1);
      },
    };
  }

  /** Moves time on by `ms` and fires what falls due on the way. A timer that throws rejects this, with time standing at that timer. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + Math.max(0, ms);
    await settled();
    while (this.#fireNext(untilMs)) await settled();
    this.#nowMs = untilMs;
    await settled();
  }

  /**
   * Moves time from timer to timer until `predicate` holds. Rejects when that takes more than `maxMs` (default one hour) of this clock's
   * time, or when nothing is left that could make it hold.
   */
  async runUntil(predicate: () => boolean, { maxMs = 3_600_000 }: { maxMs?: number } = {}): Promise<void> {
    const startMs = this.#nowMs;
    await settled();
    while (!predicate()) {
      if (!this.#fireNext(startMs + maxMs)) {
        await settled();
        if (predicate()) return;
        const why = this.#timers.length === 0 ? "no timer is set" : "the next timer lies beyond that";
        throw new Error(`The condition did not come to hold within ${maxMs} ms: ${why}.`);
      }
      await settled();
    }
  }

  #fireNext(untilMs: number): boolean {
    const next = this.#timers.at(-1);
    if (next === undefined || next.atMs > untilMs) return false;
    this.#timers.pop();
    this.#nowMs = next.atMs;
    next.run();
    return true;
  }

  #indexFor(timer: Pending): number {
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      // A later timer, or one of the same moment that was set later, stands nearer the front.
      if (this.#timers[middle]!.atMs > timer.atMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
