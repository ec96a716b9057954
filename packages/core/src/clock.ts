/** A timer handle of a {@link Clock}. */
export interface Timer {
  clear(): void;
}

/** Time as the library sees it. Tests hand in a manual one, so that nothing waits for real time. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds since some fixed moment, which no correction of the machine's time changes: for measuring how long something took. */
  monotonic(): number;
  /** Calls `run` once after `ms` milliseconds. The timer does not keep the process alive when `unref` is set. */
  after(ms: number, run: () => void, options?: { unref?: boolean }): Timer;
}

/** Longest delay that Node's timers take; a larger one would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run, options) {
    const timer = setTimeout(run, Math.min(Math.max(0, ms), MAX_TIMER_MS));
    if (options?.unref) timer.unref();
    return { clear: () => clearTimeout(timer) };
  },
};

/** Resolves after `ms`, or at once when `signal` aborts (it never rejects: callers look at the signal). */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      timer.clear();
      signal?.removeEventListener("abort", finish);
      resolve();
    };
    const timer = clock.after(ms, finish);
    signal?.addEventListener("abort", finish, { once: true });
  });
}
