import type { Clock } from "@waybill/core/spi";

/** While rows keep coming, the table is looked at so often, and for so long after the last of them. */
const HOT_POLL_MS = 1;
const HOT_FOR_MS = 250;

/** Tells when to look at the table: on a notification, often while rows keep coming, now and then otherwise. */
export class Nudge {
  readonly #clock: Clock;
  readonly #idlePollMs: number;
  #hotUntil = 0;
  #pending = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock, idlePollMs: number) {
    this.#clock = clock;
    this.#idlePollMs = idlePollMs;
  }

  /** Rows are coming. */
  heat(): void {
    this.#hotUntil = this.#clock.monotonic() + HOT_FOR_MS;
  }

  /** There is something new, or will be any moment: a notification may arrive before the commit that it speaks of. */
  now(): void {
    this.heat();
    this.#pending = true;
    this.#wake?.();
  }

  /** What is read from now on includes all that was told of so far. Call before reading. */
  noteRead(): void {
    this.#pending = false;
  }

  /** Something was told of that has not been read. */
  get isPending(): boolean {
    return this.#pending;
  }

  /** Resolves when it is time to look, at the latest when `untilDueMs` have passed. `mayBeHot`: rows do not arrive by themselves. */
  async wait(untilDueMs: number, mayBeHot: boolean, signal: AbortSignal): Promise<void> {
    if (this.#pending || signal.aborted) return;
    const pollMs = mayBeHot && this.#clock.monotonic() < this.#hotUntil ? HOT_POLL_MS : this.#idlePollMs;
    await new Promise<void>((resolve) => {
      const finish = () => {
        timer.clear();
        signal.removeEventListener("abort", finish);
        this.#wake = undefined;
        resolve();
      };
      const timer = this.#clock.after(Math.max(0, Math.min(pollMs, untilDueMs)), finish);
      signal.addEventListener("abort", finish, { once: true });
      this.#wake = finish;
    });
  }
}
