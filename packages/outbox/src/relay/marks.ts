import { type Clock, sleep, type Timer } from "@waybill/core/spi";
import type { PublishedRow } from "../store.ts";

/** So many are removed without waiting for the timer. */
const FULL = 1_000;

export interface MarksOptions {
  readonly mark: (rows: readonly PublishedRow[]) => Promise<void>;
  readonly clock: Clock;
  readonly groupMs: number;
  readonly onMarked: (rows: readonly PublishedRow[]) => void;
  readonly onTrouble: (error: unknown) => void;
}

/** Removes published rows in groups: one commit for many, beside the publishing and never before it. */
export class Marks {
  readonly #options: MarksOptions;
  #pending: PublishedRow[] = [];
  #timer: Timer | undefined;
  #flushing: Promise<void> | undefined;
  #inWork = 0;
  #stopped = false;

  constructor(options: MarksOptions) {
    this.#options = options;
  }

  /** Published and not removed yet. */
  get size(): number {
    return this.#pending.length + this.#inWork;
  }

  add({ position, bucket, topic, key, parked }: PublishedRow): void {
    // Without the event's text, which would pile up here.
    this.#pending.push({ position, bucket, topic, key, parked });
    // A parked row holds up the next of its key until it is removed.
    if (this.#pending.length >= FULL || parked) void this.flush();
    else this.#timer ??= this.#options.clock.after(this.#options.groupMs, () => void this.flush());
  }

  /** Resolves when all that was added before has been removed, or once could not be. */
  flush(): Promise<void> {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  async #flush(): Promise<void> {
    let failures = 0;
    // The turn ends first, so that the rows of one answer go together.
    await undefined;
    while (this.#pending.length > 0) {
      const rows = this.#pending;
      this.#pending = [];
      this.#inWork = rows.length;
      try {
        await this.#options.mark(rows);
        failures = 0;
        this.#options.onMarked(rows);
      } catch (error) {
        this.#pending = rows.concat(this.#pending);
        this.#options.onTrouble(error);
        if (this.#stopped) return;
        await sleep(this.#options.clock, Math.min(5_000, 50 * 2 ** failures++));
      } finally {
        this.#inWork = 0;
      }
    }
  }

  /** Removes what is left, with one try: what stays is published again by the next relay. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.flush();
  }
}
