import type { ReceiverCapabilities, SenderCapabilities } from "./capabilities.ts";
import type { Delivery, Settlement } from "./delivery.ts";
import type { Description } from "./description.ts";
import type { ErrorKind, Outcome } from "./outcome.ts";
import type { Topology } from "./topology.ts";
import type { OutboundMessage, WireMessage } from "./wire-message.ts";

/** Where a subscription reads. */
export interface Source {
  readonly topic: string;
  readonly subscription: string;
  /** For a subscription that has no position yet. */
  readonly startFrom: "earliest" | "latest";
}

/** Events waiting for a subscription. */
export interface Backlog {
  readonly events: number;
  /** Age of the oldest in milliseconds, where the broker tells. */
  readonly oldestMs?: number | undefined;
  /** False where the broker tells that none of them may be received now: they were given back for later, or another consumer has them. */
  readonly ready?: boolean | undefined;
}

export type Health = { readonly ok: true } | { readonly ok: false; readonly error: unknown };

/**
 * A broker behind one door. An adapter moves bytes and settles them. It never decides, never retries, never loops over
 * outcomes: all that is core's. Factories are cheap and do no I/O; `openSender` and `openReceiver` connect.
 *
 * A `topic` is a logical name, or logical names joined by `/`, which the grammar excludes: `orders/billing/dead` is the dead-letter
 * place of subscription `billing`. Each adapter maps them to physical names by one injective rule.
 */
export interface Adapter {
  readonly name: string;
  openSender(topic: string): Promise<Sender>;
  openReceiver(source: Source): Promise<Receiver>;
  /** The dead letters of a subscription, where the adapter can do better than read `topic/subscription/dead` as a topic. */
  openDeadLetters?(source: Omit<Source, "startFrom">): Promise<DeadLetterStore>;
  /** Feeds the idle watchdog, status and scalers. May be approximate, never negative. */
  backlog?(source: Omit<Source, "startFrom">): Promise<Backlog>;
  /**
   * What `openSender` and `openReceiver` will answer as capabilities, for `waybill check`: joins nothing, takes nothing and makes nothing. From the options alone
   * where they decide; asks the broker only for what it alone knows, and says what it `assumed` while that
   * cannot be reached. Rejects as opening would for what opening refuses.
   */
  describe?(source: Omit<Source, "startFrom">, signal: AbortSignal): Promise<Description>;
  /** Where entities can or must be made before use. */
  readonly topology?: Topology;
  /** Pure; the only place that reads the SDK's error shapes. Never throws. */
  classify(error: unknown): ErrorKind;
  /** Resolves within the signal; never throws. */
  health(signal: AbortSignal): Promise<Health>;
  /** Frees every resource, also of senders and receivers still open. Idempotent. */
  close(): Promise<void>;
}

export interface Sender {
  readonly capabilities: SenderCapabilities;
  /** Bytes that this message takes of `maxMessageBytes` and `maxSendBatchBytes`: after encoding, with what the broker adds. Cheap and synchronous. */
  measure?(message: OutboundMessage): number;
  /**
   * One attempt, one outcome for each message, in the same order. Throws only when nothing was sent. Core never overlaps two
   * calls of one sender unless its capabilities say that it may.
   */
  send(messages: readonly OutboundMessage[], signal: AbortSignal): Promise<readonly Outcome[]>;
  close(): Promise<void>;
}

/** What a receiver may hand over now. */
export interface Want {
  readonly max: number;
  readonly maxBytes: number;
  /** Lanes that must deliver nothing now. What such a lane holds stays with the broker or the receiver. */
  readonly pausedLanes: ReadonlySet<string>;
}

export interface Receiver {
  readonly capabilities: ReceiverCapabilities;
  /** A topic whose messages reach this subscription alone: where retry and redrive copies may go. */
  readonly returnTo?: string | undefined;
  /**
   * Waits briefly; `[]` when idle. Per lane in order. Never overlapped with itself; may overlap `settle` and `renew`; may be called again
   * after a throw. Resolves promptly with `[]` once the signal aborts, and then nothing it would have handed over is lost.
   */
  receive(want: Want, signal: AbortSignal): Promise<readonly Delivery[]>;
  /** One outcome for each settlement, in the same order. A settlement of a lost delivery fails with an error of kind `lost`. */
  settle(settlements: readonly Settlement[], signal: AbortSignal): Promise<readonly Outcome[]>;
  /** Prolongs leases; answers each with its new end. */
  renew?(deliveries: readonly Delivery[], signal: AbortSignal): Promise<readonly Outcome<Date>[]>;
  /** Frees resources. Unsettled deliveries go back to the broker, at once or when their lease ends. Idempotent. */
  close(): Promise<void>;
}

/** Dead letters of one subscription: a receiver that can also look without taking. Its `returnTo` is where a redriven event goes. */
export interface DeadLetterStore extends Receiver {
  /** Up to `max` records from the head, unchanged and still there afterwards. */
  browse(max: number, signal: AbortSignal): Promise<readonly WireMessage[]>;
}
