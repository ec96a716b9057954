import type { Handoff, Want } from "@waybill/core/spi";
import { MAX_PER_CALL } from "./capabilities.ts";
import type { LastDeliveries } from "./last-deliveries.ts";
import type { PullSource } from "./pull-source.ts";
import { PulledDelivery } from "./pulled-delivery.ts";

export interface LongPollOptions {
  readonly source: PullSource;
  readonly handoff: Handoff;
  readonly lockMs: number;
  /** Undefined where nothing reaches the subscription alone. */
  readonly lastDeliveries: LastDeliveries | undefined;
  readonly giveBack: (deliveries: readonly PulledDelivery[]) => Promise<void>;
}

/** What arrives while nobody receives is kept this long, for a receive may only just be over; then it is given back. */
const HOLD_MS = 2_000;
/** The assumed size of events, until some have been seen. */
const FIRST_BYTES = 16_384;

/**
 * Receive calls that outlive core's: cutting one off could leave events locked that nobody has seen. Asks again only once everything
 * of the answer before has been taken or given back.
 */
export class LongPoll {
  readonly #options: LongPollOptions;
  readonly #closing = new AbortController();
  /** The call under way. */
  #asking: Promise<void> | undefined;
  /** Something was given back during it, which answers it. */
  #answers = false;
  #failed = false;
  #bytes = FIRST_BYTES;

  constructor(options: LongPollOptions) {
    this.#options = options;
  }

  ask(want: Want): void {
    if (this.#asking !== undefined) return;
    this.#answers = false;
    // The service counts events, core also bytes: so many that they keep within them if they are like the last ones.
    const max = Math.max(1, Math.min(MAX_PER_CALL, want.max, Math.floor(want.maxBytes / this.#bytes)));
    this.#asking = this.#call(max).finally(() => {
      this.#asking = undefined;
    });
  }

  /** An event was given back: the service hands it to the call that waits. */
  released(): void {
    this.#answers = true;
  }

  /** Whether a call has failed since it was last asked. */
  failed(): boolean {
    const failed = this.#failed;
    this.#failed = false;
    return failed;
  }

  /** Withdraws what nobody has taken yet. Resolves when no call is under way that is about to be answered: cut off, it would leave locked what it got. */
  async close(): Promise<void> {
    this.#closing.abort();
    if (this.#answers) await this.#asking;
  }

  async #call(max: number): Promise<void> {
    const { source, handoff, lockMs, giveBack, lastDeliveries } = this.#options;
    const closing = this.#closing.signal;
    try {
      const pulled = await source.receive(max);
      // The lock began on the service's side, a moment ago.
      const until = new Date(Date.now() + lockMs - Math.min(500, lockMs / 20));
      const arrived = pulled.map((one) => new PulledDelivery(one, source, until));
      const deliveries = (await lastDeliveries?.without(arrived)) ?? arrived;
      if (deliveries.length > 0) this.#bytes = averageBytes(this.#bytes, deliveries);
      const over = AbortSignal.any([AbortSignal.timeout(Math.min(HOLD_MS, lockMs / 4)), closing]);
      await handoff.offer(deliveries, over);
      const left = deliveries.filter((delivery) => !delivery.taken);
      // Offered whole, or withdrawn in part: only a signal withdraws.
      if (over.aborted && left.length > 0) await giveBack(left);
    } catch (error) {
      if (closing.aborted) return;
      this.#failed = true;
      handoff.fail(error);
    }
  }
}

function averageBytes(before: number, deliveries: readonly PulledDelivery[]): number {
  const sum = deliveries.reduce((bytes, { message }) => bytes + (message.body?.byteLength ?? 0), 0);
  return Math.max(1, (before + sum / deliveries.length) / 2);
}
