import type { Clock } from "@waybill/core/spi";

/** Where idle receivers sleep until something arrives. One for each thing that can be waited for, shared by all who wait. */
export class Wake {
  #waiting: (() => void)[] = [];

  /** Wakes everyone; costs nothing when nobody sleeps. */
  wake(): void {
    if (this.#waiting.length === 0) return;
    const woken = this.#waiting;
    this.#waiting = [];
    for (const run of woken) run();
  }

  /** Resolves at the next `wake`, after `ms`, or when `signal` aborts. */
  wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = () => {
        timer.clear();
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        const index = this.#waiting.indexOf(finish);
        if (index >= 0) this.#waiting.splice(index, 1);
        finish();
      };
      const timer = clock.after(ms, leave);
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(finish);
    });
  }
}
