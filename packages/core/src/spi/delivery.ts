import type { WireMessage } from "./wire-message.ts";

/** One arrival of a message. */
export interface Delivery {
  readonly message: WireMessage;
  /** The unit of order: partition or session. Absent where the broker has none. */
  readonly lane?: string | undefined;
  /** The broker's own count, from 1. Not the attempt: a drain that gives back must not use attempts up. */
  readonly deliveryCount?: number | undefined;
  /** Until when this consumer holds it. Absent where there is no lease. */
  readonly leaseUntil?: Date | undefined;
  /** Aborts when lock, session, partition or HTTP caller are gone. Made lazily, shared per lane where it can be. */
  readonly lost: AbortSignal;
  /** The SDK's own object: the escape hatch. */
  readonly raw: unknown;
}

/** Why an event was given up. `handler-failed`: attempts used up; `rejected`: the handler said never again; `claim-check`: the data behind its `dataref` cannot be had. */
export type DeadLetterCode =
  | "handler-failed"
  | "rejected"
  | "invalid"
  | "undecodable"
  | "unknown-type"
  | "expired"
  | "too-large"
  | "max-deliveries"
  | "claim-check";

/** What stands beside the untouched original in a dead letter; the header names are `wb` + these. */
export interface DeadLetterReason {
  readonly reason: DeadLetterCode | (string & {});
  /** The error's text, secrets and stack left out; cut to what the place holds. */
  readonly error: string;
  readonly attempts: number;
  readonly topic: string;
  readonly subscription: string;
  /** RFC 3339. */
  readonly firstFailure: string;
  /** RFC 3339: when it was given up. */
  readonly time: string;
}

/** The outcome that core tells the broker for one delivery. */
export type Settlement = { readonly delivery: Delivery } & (
  | { readonly kind: "ack" }
  | {
      readonly kind: "release";
      /** How long the broker should hold it back. */
      readonly delayMs: number;
      /**
       * The attempt that the next delivery is to report, where it is not 1. A receiver whose capabilities say
       * `keepsAttempt` writes it on the message as header `wbattempt`; any other ignores it.
       */
      readonly attempt?: number | undefined;
    }
  | { readonly kind: "reject"; readonly reason: DeadLetterReason }
);
