import { systemClock } from "@waybill/core/spi";
import type { Pool } from "pg";
import { atMost } from "../../at-most.ts";

/** At most one notification in so long, the first at once. A relay that was woken looks often for longer than this. */
const GAP_MS = 100;
/** A server that takes longer is gone or frozen: nobody waits for it at the end. */
const TIMEOUT_MS = 2_000;

/**
 * Tells relays of other processes that there is something new. Never inside a business transaction: NOTIFY there takes one lock of the
 * whole cluster from before the commit until after its flush to disk, so commits would wait for each other.
 */
export class Notifier {
  readonly #pool: Pool;
  readonly #channel: string;
  #timer: NodeJS.Timeout | undefined;
  #again = false;
  #sending: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(pool: Pool, channel: string) {
    this.#pool = pool;
    this.#channel = channel;
  }

  kick(): void {
    if (this.#stopped) return;
    if (this.#timer !== undefined) {
      this.#again = true;
      return;
    }
    this.#send();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (!this.#again) return;
      this.#again = false;
      this.kick();
    }, GAP_MS);
    this.#timer.unref();
  }

  /** Sends what waits, and nothing more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    if (this.#again) this.#send();
    await atMost(systemClock, TIMEOUT_MS, this.#sending);
  }

  #send(): void {
    const notify = { text: "SELECT pg_notify($1, '')", values: [this.#channel], query_timeout: TIMEOUT_MS };
    this.#sending = this.#pool.query(notify).then(
      () => undefined,
      // A relay also looks by itself: a notification that is lost costs a moment, no event.
      () => undefined,
    );
  }
}
