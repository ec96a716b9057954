/** What one sender can do, for this very entity: tier, limits, dedupe. The conformance suite proves each in both directions. */
export interface SenderCapabilities {
  /** Scheduled delivery by the broker, and how far ahead. */
  readonly schedule: false | { readonly maxDelayMs: number };
  /** Headers beside the body. Without them core writes structured CloudEvents. */
  readonly headers: boolean;
  /** True where the broker itself copies to all subscriptions; false where the sender does. */
  readonly fanOut: boolean;
  /** The broker drops a second message of the same id. */
  readonly dedupe: boolean;
  /** Two `send` calls may overlap without changing order per key, also when one of them fails and is sent again: where the destination keeps no order anyway. */
  readonly overlap: boolean;
  /**
   * Of one `send`, once a message is refused, by the broker or by the sender itself, so are the later ones of its key: none of them overtakes it. Lets the
   * outbox's relay hand over many events of one key at once. Default false.
   */
  readonly stopsKeys?: boolean;
  readonly maxSendBatch: number;
  readonly maxSendBatchBytes: number;
  /** Of one message as `measure` counts it. */
  readonly maxMessageBytes: number;
}

/** What one receiver can do, for this very source. */
export interface ReceiverCapabilities {
  /** `each`: every delivery is settled by itself. `upTo`: an ack of one acks all before it in its lane (checkpoint, offset). */
  readonly settle: "each" | "upTo";
  readonly order: "none" | "lane";
  readonly lease: false | { readonly ms: number; readonly renewable: boolean };
  /**
   * What `release` can do: nothing; at once only (`now`); after a time that the broker chooses (`broker`);
   * after any delay up to a limit; after one of some steps.
   */
  readonly release:
    | false
    | "now"
    | "broker"
    | { readonly maxDelayMs: number }
    | { readonly stepsMs: readonly number[] };
  /** `reject` reaches a dead-letter store that is known to exist. */
  readonly reject: boolean;
  /** False where nothing is declared that `topic/subscription/dead` could stand for, so that copies of what is given up cannot be sent there. Default true. */
  readonly deadPlace?: boolean;
  /** `io`: a settle costs a round trip, so core groups by time too. */
  readonly settleCost: "cheap" | "io";
  readonly maxReceiveBatch: number;
  /**
   * A release can write the attempt on the message. Where it cannot, core takes the broker's delivery count for the attempt
   * of a released message. Default false.
   */
  readonly keepsAttempt?: boolean;
}
