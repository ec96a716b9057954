import type { Clock, Timer } from "../clock.ts";
import type { Backlog } from "../spi/adapter.ts";

export interface WatchdogOptions {
  readonly clock: Clock;
  readonly idleMs: number;
  readonly backlog: () => Promise<Backlog>;
  /** Connected, receiving nothing, and the broker says that events wait. */
  readonly stalled: (backlog: Backlog) => void;
  /** The broker says that nothing waits that may be received now. */
  readonly calm: () => void;
  readonly failed: (error: unknown) => void;
}

/** Notices the subscription that looks healthy and receives nothing. */
export class Watchdog {
  readonly #options: WatchdogOptions;
  #lastMs: number;
  /** The look before found events waiting, and nothing was received since: one that came a moment ago is no stall. */
  #waited = false;
  #timer: Timer | undefined;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#lastMs = options.clock.monotonic();
    this.#wait();
  }

  /** Something was received, or there is a reason not to receive. */
  seen(): void {
    this.#lastMs = this.#options.clock.monotonic();
    this.#waited = false;
  }

  stop(): void {
    this.#timer?.clear();
    this.#timer = undefined;
  }

  #wait(): void {
    const { clock, idleMs } = this.#options;
    this.#timer = clock.after(idleMs / 2, () => void this.#look(), { unref: true });
  }

  async #look(): Promise<void> {
    const { clock, idleMs, backlog, stalled, calm, failed } = this.#options;
    const idleForMs = () => clock.monotonic() - this.#lastMs;
    if (idleForMs() >= idleMs / 2) {
      try {
        const waiting = await backlog();
        const mayArrive = waiting.events > 0 && waiting.ready !== false;
        const waits = mayArrive && idleForMs() >= idleMs / 2;
        const isStall = waits && this.#waited && idleForMs() >= idleMs;
        this.#waited = waits && !isStall;
        if (isStall) stalled(waiting);
        else if (!mayArrive) calm();
      } catch (error) {
        failed(error);
      }
    }
    if (this.#timer !== undefined) this.#wait();
  }
}
