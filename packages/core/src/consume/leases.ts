import type { Clock, Timer } from "../clock.ts";
import type { Adapter, Receiver } from "../spi/adapter.ts";
import type { Lanes } from "./lanes.ts";
import type { Work } from "./work.ts";

export interface LeaseKeeperOptions {
  readonly receiver: Receiver;
  readonly adapter: Adapter;
  readonly clock: Clock;
  readonly lanes: Lanes;
  /** The lease is over: the broker gives the message to somebody. */
  readonly lost: (work: Work, reason: unknown) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Renews what this process holds once half of a lease is over, in one call for all that are due. A lease that ends all the same (the broker refused, the
 * network was away, it cannot be renewed) is given up at its end, so that nothing is settled that may already be another consumer's.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #leaseMs: number;
  #timer: Timer | undefined;
  #renewing: Promise<void> | undefined;
  readonly #abort = new AbortController();

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    const { lease } = options.receiver.capabilities;
    this.#leaseMs = lease === false ? 0 : lease.ms;
    if (this.#leaseMs > 0) this.#wait();
  }

  stop(): void {
    this.#abort.abort();
    this.#timer?.clear();
  }

  #wait(): void {
    const { clock } = this.#options;
    this.#timer = clock.after(Math.max(10, this.#leaseMs / 8), () => {
      this.#renewing ??= this.#check().finally(() => {
        this.#renewing = undefined;
      });
      if (!this.#abort.signal.aborted) this.#wait();
    });
  }

  async #check(): Promise<void> {
    const { receiver, clock, lanes, lost, adapter, failed } = this.#options;
    const { lease } = receiver.capabilities;
    const due: Work[] = [];
    const now = clock.now();
    for (const work of lanes.works()) {
      if (work.state === "gone" || work.leaseUntilMs === 0) continue;
      // Deliveries of one lane may share a lease: one that was renewed for another says so.
      work.leaseUntilMs = Math.max(work.leaseUntilMs, work.delivery.leaseUntil?.getTime() ?? 0);
      if (work.leaseUntilMs <= now) lost(work, new Error("The lease ended before it could be renewed."));
      else if (work.leaseUntilMs - now <= this.#leaseMs / 2) due.push(work);
    }
    if (due.length === 0 || lease === false || !lease.renewable || receiver.renew === undefined) return;
    try {
      const answers = await receiver.renew(
        due.map((work) => work.delivery),
        this.#abort.signal,
      );
      for (const [index, work] of due.entries()) {
        const answer = answers[index];
        if (answer?.ok) work.leaseUntilMs = answer.value.getTime();
        else if (answer !== undefined && work.state !== "finished" && adapter.classify(answer.error) === "lost")
          lost(work, answer.error);
      }
    } catch (error) {
      if (!this.#abort.signal.aborted) failed(error);
    }
  }
}
