import type { Clock, Timer } from "../clock.ts";
import type { Adapter, Health } from "../spi/adapter.ts";
import type { ErrorKind } from "../spi/outcome.ts";

/** A question that takes longer counts as not answered. */
const PATIENCE_MS = 5_000;
/** A broker that refuses, whatever and for whatever reason, is there. */
const SILENT: readonly ErrorKind[] = ["transient", "closed", "unknown"];

/**
 * Ok until a receive fails or events wait and none arrives. Ok again when an event arrives, when none waits any more, or when the broker answers a question: that a
 * receive brings nothing is no answer, for a push SDK has nothing to hand over either while it connects anew.
 */
export class SubscriptionHealth {
  readonly #adapter: Pick<Adapter, "health" | "classify">;
  readonly #clock: Clock;
  #now: Health = { ok: true };
  #isStall = false;
  #asking: AbortController | undefined;

  constructor(adapter: Pick<Adapter, "health" | "classify">, clock: Clock) {
    this.#adapter = adapter;
    this.#clock = clock;
  }

  get now(): Health {
    return this.#now;
  }

  failed(error: Error): void {
    this.#now = { ok: false, error };
    this.#isStall = false;
  }

  /** Of a subscription whose receives fail anyway that is no news. */
  stalled(error: Error): void {
    if (!this.#now.ok && !this.#isStall) return;
    this.failed(error);
    this.#isStall = true;
  }

  arrived(): void {
    if (!this.#now.ok) this.#now = { ok: true };
  }

  /** Nothing waits that could arrive. */
  calm(): void {
    if (this.#isStall) this.arrived();
  }

  /** A receive was carried through and brought nothing. */
  idle(): void {
    if (!this.#now.ok && !this.#isStall && this.#asking === undefined) void this.#ask();
  }

  stop(): void {
    this.#asking?.abort();
  }

  async #ask(): Promise<void> {
    const before = this.#now;
    const asking = new AbortController();
    this.#asking = asking;
    const timer: Timer = this.#clock.after(PATIENCE_MS, () => asking.abort());
    const answer = await this.#adapter.health(asking.signal);
    timer.clear();
    this.#asking = undefined;
    const answers = answer.ok || !SILENT.includes(this.#adapter.classify(answer.error));
    // What has failed since is newer.
    if (answers && this.#now === before) this.arrived();
  }
}
