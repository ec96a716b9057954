import type { Adapter, ErrorKind, Source, WireMessage } from "@waybill/core/spi";
import type { Time } from "./time.ts";

/**
 * What a case needs and the SPI does not offer. Only `time` is required; a case that needs an ability that is missing is skipped and says so.
 * One harness serves one case: make it afresh, or share what is costly, such as a started broker.
 */
export interface Harness {
  readonly time: Time;
  /** Creates a topic with its subscriptions where the adapter does not do that by itself. Names are unique to the case. */
  prepare?(topic: string, subscriptions: readonly string[]): Promise<void>;
  /** Writes what a foreign producer would, past the adapter under test, so that every subscription of the topic gets it. Default: an adapter's sender. */
  put?(topic: string, subscriptions: readonly string[], message: WireMessage): Promise<void>;
  /**
   * Ends an instance as if its process had died: nothing given back, nothing said. Default where there are leases: the instance is cut off
   * and never heard of again.
   */
  crash?(adapter: Adapter): Promise<void>;
  /** Takes away what this instance holds of the source, as the broker would: leases end, lanes go. */
  revoke?(adapter: Adapter, source: Omit<Source, "startFrom">): Promise<void>;
  /** Errors captured from the SDK, and what `classify` must say of each. */
  readonly captured?: readonly CapturedError[];
  /** After the case, when every adapter is closed. */
  close?(): Promise<void>;
}

export interface CapturedError {
  readonly what: string;
  readonly error: unknown;
  readonly kind: ErrorKind;
}

/** What `open` is given to make a fresh instance ("a process") onto the broker of this case. */
export interface OpenEnvironment<H extends Harness = Harness> {
  readonly harness: H;
  /** Each topic's subscriptions, as a deployment declares them: for adapters whose sender copies. */
  readonly subscriptions: Readonly<Record<string, readonly string[]>>;
}
