import type { Clock, Timer } from "@waybill/core/spi";
import { outboxErrors } from "../../outbox-errors.ts";
import type { RunScript } from "./redis-client.ts";
import { COMPLETE, GIVE_UP, RENEW } from "./scripts.ts";

/** What a handler gets as `ctx.tx`. */
export interface RedisClaim {
  /** Aborts when the claim could not be renewed in time: another consumer may be at the event now. Check it before an effect that must not happen twice. */
  readonly lost: AbortSignal;
}

export interface ClaimOptions {
  readonly run: RunScript;
  readonly key: string;
  readonly token: string;
  readonly leaseMs: number;
  readonly clock: Clock;
  /** When the claim was asked for: its lease counts from there. */
  readonly askedMs: number;
}

/** A claim in force. It renews itself until it is ended, and trusts no clock but a monotonic one with the end of its lease. */
export class Claim implements RedisClaim {
  readonly #options: ClaimOptions;
  readonly #lost = new AbortController();
  #untilMs: number;
  #timer: Timer | undefined;
  #ended = false;

  constructor(options: ClaimOptions) {
    this.#options = options;
    this.#untilMs = options.askedMs + options.leaseMs;
    this.#renewLater();
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Rejects with WB_INBOX_CLAIM_LOST when it is no longer ours: the event is not done then. */
  async complete(retainMs: number): Promise<void> {
    const { run, key, token } = this.#options;
    this.#end();
    if ((await run(COMPLETE, key, token, retainMs)) !== "1") throw outboxErrors.WB_INBOX_CLAIM_LOST({});
  }

  async giveUp(): Promise<void> {
    const { run, key, token } = this.#options;
    this.#end();
    // Where Redis is gone the lease ends by itself; what the work threw is what the caller must hear.
    await run(GIVE_UP, key, token).catch(() => undefined);
  }

  #end(): void {
    this.#ended = true;
    this.#timer?.clear();
  }

  #renewLater(): void {
    const { clock, leaseMs } = this.#options;
    const leftMs = this.#untilMs - clock.monotonic();
    if (leftMs <= 0) {
      this.#lost.abort(outboxErrors.WB_INBOX_CLAIM_LOST({}));
      return;
    }
    // At half of the lease; after a failure sooner and sooner.
    this.#timer = clock.after(Math.max(1, Math.min(leaseMs / 2, leftMs / 2)), () => void this.#renew());
  }

  async #renew(): Promise<void> {
    const { run, key, token, leaseMs, clock } = this.#options;
    const askedMs = clock.monotonic();
    try {
      if ((await run(RENEW, key, token, leaseMs)) === "1") this.#untilMs = askedMs + leaseMs;
      else this.#untilMs = 0;
    } catch {
      // Redis cannot be reached: tried again until the lease is over.
    }
    if (!this.#ended) this.#renewLater();
  }
}
