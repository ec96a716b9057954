import type { Clock, Timer } from "@waybill/core/spi";

export interface TenureOptions {
  /** The store's word: taken or prolonged, or another relay's. */
  readonly lease: () => Promise<boolean>;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly onChange: (held: boolean) => void;
  readonly onTrouble: (error: unknown) => void;
}

/**
 * Takes the lease and keeps it. The store judges its end by a clock that may jump; this side trusts only a monotonic one and stops
 * counting on the lease after two thirds of it, so that a relay that was frozen or cut off has stopped before another starts.
 */
export class Tenure {
  readonly #options: TenureOptions;
  #heldUntil = 0;
  #timer: Timer | undefined;
  #working: Promise<void> | undefined;
  #stopped = false;
  #wasHeld = false;

  constructor(options: TenureOptions) {
    this.#options = options;
  }

  get held(): boolean {
    return this.#options.clock.monotonic() < this.#heldUntil;
  }

  start(): void {
    this.#working = this.#round();
  }

  /** No more renewals. Waits for one under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.clear();
    await this.#working;
    this.#heldUntil = 0;
  }

  /** The store said that it is gone. */
  lost(): void {
    this.#heldUntil = 0;
    this.#tell();
  }

  async #round(): Promise<void> {
    const { lease, leaseMs, clock, onTrouble } = this.#options;
    const askedMs = clock.monotonic();
    try {
      this.#heldUntil = (await lease()) ? askedMs + (leaseMs * 2) / 3 : 0;
    } catch (error) {
      onTrouble(error);
    }
    if (this.#stopped) return;
    this.#tell();
    const pauseMs = this.held ? leaseMs / 3 : Math.min(200, leaseMs / 5);
    this.#timer = clock.after(pauseMs, () => {
      this.#working = this.#round();
    });
  }

  #tell(): void {
    const { held } = this;
    if (held === this.#wasHeld) return;
    this.#wasHeld = held;
    this.#options.onChange(held);
  }
}
