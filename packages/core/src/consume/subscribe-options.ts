import type { RetryOptions } from "../policies/retry.ts";
import type { ConsumeMiddleware } from "./handler.ts";
import type { Inbox } from "./inbox.ts";

export interface SubscribeOptions<Tx = undefined> {
  /** The subscription's logical name: `billing`. Consumers of one name share the events. */
  readonly name: string;
  /**
   * `required`: refused at start-up where the source keeps no order. `preferred` (default): kept where it can be, and
   * `subscription.guarantee` says what it got. `none`: not kept, and every way of retrying is open.
   */
  readonly order?: "required" | "preferred" | "none";
  /** Handlers at work at once, 1 to 10 000. Default 16. */
  readonly concurrency?: number;
  /** Makes the consumer idempotent. Default: none, so a duplicate is handled twice. */
  readonly inbox?: Inbox<Tx>;
  /** For a subscription without a position yet. Default `earliest`. */
  readonly startFrom?: "earliest" | "latest";
  readonly retry?: RetryOptions;
  /** After so long the attempt has failed and `ctx.signal` aborts. Default 300 000. */
  readonly handlerTimeoutMs?: number;
  /** What becomes of a key when its event is dead-lettered: the later ones go on (default) or stand until this consumer restarts. */
  readonly afterDeadLetter?: "continue" | "halt-key";
  /** Event types that the topic's definition does not have: acked and counted (default), or dead-lettered. */
  readonly unknown?: "ignore" | "dead-letter";
  /** Where events go that are given up. Default: the broker's own dead-letter store, else `topic/subscription/dead`. */
  readonly deadLetterTo?: string;
  /** Deliveries of one message, by the broker's count, after which it is given up even if no handler failed: it may be killing the process. Default 50. */
  readonly maxDeliveries?: number;
  /** Events received and not settled yet. Default: 4 × concurrency, at least 64; without a lease at least 1 024. */
  readonly maxInFlight?: number;
  /** Bytes of them. Default 64 MiB. */
  readonly maxInFlightBytes?: number;
  /** Without a delivery for so long although the broker says, at its half and at its end, that events wait: observers are told `stalled`. Default 60 000. */
  readonly idleMs?: number;
  readonly middleware?: readonly ConsumeMiddleware[];
  /** False: no receiving; only `bus.process` runs this subscription. Default true. */
  readonly loop?: boolean;
}
