import type { Want } from "./adapter.ts";
import { Arrival } from "./arrival.ts";
import type { Delivery } from "./delivery.ts";

interface Waiting {
  readonly delivery: Delivery;
  readonly taken: () => void;
}

/**
 * Turns a push SDK into `receive`. The SDK's callback calls `offer(batch)`, whose promise resolves only when core has taken the whole
 * batch: the SDK stops reading meanwhile. Per lane, what was offered first is taken first; a paused lane's deliveries wait here and do
 * not hold up other lanes.
 */
export class Handoff {
  #waiting: Waiting[] = [];
  readonly #arrival = new Arrival();
  #failure: { error: unknown } | undefined;

  /** Resolves when core has taken all of `batch`, or when `signal` aborts (then what was not taken is withdrawn). */
  offer(batch: readonly Delivery[], signal?: AbortSignal): Promise<void> {
    if (batch.length === 0 || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      let open = batch.length;
      const withdraw = () => {
        this.#waiting = this.#waiting.filter((entry) => entry.taken !== taken);
        resolve();
      };
      const taken = () => {
        if (--open === 0) {
          signal?.removeEventListener("abort", withdraw);
          resolve();
        }
      };
      signal?.addEventListener("abort", withdraw, { once: true });
      for (const delivery of batch) this.#waiting.push({ delivery, taken });
      this.#arrival.tell();
    });
  }

  /** An error of the SDK's background work: the next `receive` throws it, so that core sees it and backs off. */
  fail(error: unknown): void {
    this.#failure = { error };
    this.#arrival.tell();
  }

  /** Forgets what waits and matches, such as the deliveries of a revoked partition. Their `offer` counts them as taken. */
  discard(matches: (delivery: Delivery) => boolean): void {
    const kept: Waiting[] = [];
    for (const entry of this.#waiting) {
      if (matches(entry.delivery)) entry.taken();
      else kept.push(entry);
    }
    this.#waiting = kept;
  }

  /** What a receiver's `receive` calls: waits up to `waitMs` for something to hand over. */
  async receive(want: Want, signal: AbortSignal, waitMs = 1_000): Promise<readonly Delivery[]> {
    const now = this.#take(want);
    if (now.length > 0 || signal.aborted) return now;
    await this.#arrival.wait(signal, waitMs);
    return signal.aborted ? [] : this.#take(want);
  }

  #take(want: Want): readonly Delivery[] {
    if (this.#failure !== undefined) {
      const { error } = this.#failure;
      this.#failure = undefined;
      throw error;
    }
    const out: Delivery[] = [];
    const left: Waiting[] = [];
    let bytes = 0;
    let at = 0;
    for (; at < this.#waiting.length; at++) {
      const entry = this.#waiting[at]!;
      const { lane, message } = entry.delivery;
      const size = message.body?.byteLength ?? 0;
      // At least one delivery always fits, however large: otherwise it would never be taken.
      if (out.length >= want.max || (out.length > 0 && bytes + size > want.maxBytes)) break;
      if (lane !== undefined && want.pausedLanes.has(lane)) {
        left.push(entry);
        continue;
      }
      bytes += size;
      out.push(entry.delivery);
      entry.taken();
    }
    this.#waiting = left.concat(this.#waiting.slice(at));
    return out;
  }
}
