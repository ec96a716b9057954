import type { Clock, Timer } from "@waybill/core/spi";
import type { Leases } from "../store.ts";

/** Between two rounds while buckets pass from one relay to another. */
const BALANCING_MS = 50;

export interface TenureOptions {
  /** The store's word: the buckets that were taken or prolonged. */
  readonly lease: () => Promise<Leases>;
  /** Buckets are about to pass from one relay to another. */
  readonly isBalancing: () => boolean;
  readonly leaseMs: number;
  readonly clock: Clock;
  /** Buckets came, or went: of the latter, another relay has them or had them meanwhile. */
  readonly onChange: (lost: ReadonlySet<number>) => void;
  readonly onTrouble: (error: unknown) => void;
}

const NONE: Leases = new Map();

/**
 * Takes leases and keeps them. The store judges their end by a clock that may jump; this side trusts only a monotonic one and stops
 * counting on them after two thirds of their time, so that a relay that was frozen or cut off has stopped before another starts.
 */
export class Tenure {
  readonly #options: TenureOptions;
  #leases = NONE;
  #heldUntil = 0;
  #timer: Timer | undefined;
  #working: Promise<void> | undefined;
  #stopped = false;
  #told = NONE;

  constructor(options: TenureOptions) {
    this.#options = options;
  }

  /** Buckets held this moment. */
  get size(): number {
    return this.#options.clock.monotonic() < this.#heldUntil ? this.#leases.size : 0;
  }

  get held(): boolean {
    return this.size > 0;
  }

  has(bucket: number): boolean {
    return this.#leases.has(bucket) && this.held;
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

  /** The store said that some of it is gone: all is given up until the next round says what is left. */
  lost(): void {
    this.#heldUntil = 0;
    this.#tell();
  }

  async #round(): Promise<void> {
    const { lease, isBalancing, leaseMs, clock, onTrouble } = this.#options;
    const askedMs = clock.monotonic();
    try {
      this.#leases = await lease();
      this.#heldUntil = askedMs + (leaseMs * 2) / 3;
    } catch (error) {
      onTrouble(error);
    }
    if (this.#stopped) return;
    this.#tell();
    const quietMs = this.held ? leaseMs / 3 : Math.min(200, leaseMs / 5);
    const pauseMs = isBalancing() ? Math.min(BALANCING_MS, quietMs) : quietMs;
    // From when it was asked: a store that is slow to answer costs none of the time in which the next answer has to come.
    const waitedMs = clock.monotonic() - askedMs;
    this.#timer = clock.after(Math.max(pauseMs - waitedMs, Math.min(BALANCING_MS, pauseMs)), () => {
      this.#working = this.#round();
    });
  }

  #tell(): void {
    const now = this.held ? this.#leases : NONE;
    const before = this.#told;
    this.#told = now;
    const lost = new Set<number>();
    for (const [bucket, epoch] of before) if (now.get(bucket) !== epoch) lost.add(bucket);
    if (lost.size > 0 || now.size > before.size) this.#options.onChange(lost);
  }
}
