import type { AmqpError } from "../../amqp/amqp-error.ts";
import type { Uuid } from "../../amqp/values.ts";
import type { Timer } from "../../clock.ts";
import type { Content } from "./content.ts";

export type MessageState = "active" | "deferred" | "scheduled";

/** A message in a queue, a subscription or a dead-letter store. */
export interface StoredMessage {
  content: Content;
  readonly sequenceNumber: number;
  /** The number that it had where it was first sent to; undefined: this is where. */
  readonly enqueuedSequenceNumber: number | undefined;
  readonly enqueuedAt: number;
  readonly expiresAt: number;
  readonly deadLetterSource: string | undefined;
  state: MessageState;
  /** Deliveries that failed. */
  deliveryCount: number;
  lock: Lock | undefined;
  /** It stands in a heap of ready messages. */
  queued: boolean;
  removed: boolean;
  expiry: Timer | undefined;
}

/** The temporary right of one receiver to a message. */
export interface Lock {
  readonly token: Uuid;
  /** The token in hexadecimal. */
  readonly key: string;
  readonly message: StoredMessage;
  /** Set when the right comes from a session: its lock decides then. */
  readonly session: SessionHold | undefined;
  until: number;
  timer: Timer | undefined;
}

/** One receiver's exclusive right to a session. */
export interface SessionHold {
  readonly id: string;
  until: number;
  timer: Timer | undefined;
  /** The locks that it gave, by key. */
  readonly locks: Map<string, Lock>;
  /** Told when the right ends without the holder's doing. */
  onLost: ((error: AmqpError) => void) | undefined;
  over: boolean;
}

/** What a receiver says about a message that it holds. */
export type Settlement =
  | { readonly kind: "complete" }
  /** Back in its place, without counting the delivery. */
  | { readonly kind: "release" }
  | { readonly kind: "abandon"; readonly properties: ReadonlyMap<string, unknown> }
  | { readonly kind: "defer"; readonly properties: ReadonlyMap<string, unknown> }
  | {
      readonly kind: "dead-letter";
      readonly reason: string | undefined;
      readonly description: string | undefined;
      readonly properties: ReadonlyMap<string, unknown>;
    };
