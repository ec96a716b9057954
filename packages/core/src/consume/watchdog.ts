import type { Clock, Timer } from "../clock.ts";
import type { Backlog } from "../spi/adapter.ts";

export interface WatchdogOptions {
  readonly clock: Clock;
  readonly idleMs: number;
  readonly backlog: () => Promise<Backlog>;
  /** Connected, receiving nothing, and the broker says that events wait. */
  readonly stalled: (backlog: Backlog) => void;
  readonly failed: (error: unknown) => void;
}

/** Notices the subscription that looks healthy and receives nothing. */
export class Watchdog {
  readonly #options: WatchdogOptions;
  #lastMs: number;
  #timer: Timer | undefined;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#lastMs = options.clock.monotonic();
    this.#wait();
  }

  /** Something was received, or there is a reason not to receive. */
  seen(): void {
    this.#lastMs = this.#options.clock.monotonic();
  }

  stop(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  #wait(): void {
    const { clock, idleMs } = this.#options;
    this.#timer = clock.after(idleMs, () => void this.#look(), { unref: true });
  }

  async #look(): Promise<void> {
    const { clock, idleMs, backlog, stalled, failed } = this.#options;
    if (clock.monotonic() - this.#lastMs >= idleMs) {
      try {
        const waiting = await backlog();
        if (waiting.events > 0 && waiting.ready !== false && clock.monotonic() - this.#lastMs >= idleMs)
          stalled(waiting);
      } catch (error) {
        failed(error);
      }
    }
    if (this.#timer !== undefined) this.#wait();
  }
}
