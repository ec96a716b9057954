import type { Adapter } from "@waybill/core/spi";

/** What both sides send: a CloudEvent's worth of data, one key in 512. */
export interface Load {
  readonly key: string;
  readonly id: string;
  readonly body: string;
}

/** One broker, started, and its SDK used as its own documentation says. */
export interface BrokerBench {
  /** A fresh place for each measurement: what is left in the last one must not be in its way. */
  place(): Promise<{ readonly topic: string; readonly subscription: string }>;
  adapter(place: { topic: string; subscription: string }): Adapter;
  /** One message, awaited. */
  rawSend(
    topic: string,
  ): Promise<{ one(load: Load): Promise<void>; batch(loads: readonly Load[]): Promise<void>; close(): Promise<void> }>;
  /** Resolves when so many messages have been received and acked, by the SDK's fastest way of doing both. Calls `first` when the first has come. */
  rawConsume(place: { topic: string; subscription: string }, count: number, first: () => void): Promise<void>;
  /** Other libraries on the same broker. */
  readonly peers?: readonly Peer[];
  stop(): Promise<void>;
}

export interface Peer {
  readonly name: string;
  send(topic: string): Promise<{ one(load: Load): Promise<void>; close(): Promise<void> }>;
  consume(place: { topic: string; subscription: string }, count: number, first: () => void): Promise<void>;
}

export interface BrokerEntry {
  readonly name: string;
  /** Messages of one measurement with `--quick`: ten times fewer. Brokers differ by two orders of magnitude. */
  readonly events: number;
  /** Of the broker's own best batch call. */
  readonly batch: number;
  readonly start: () => Promise<BrokerBench>;
}

export function loads(count: number, from = 0): Load[] {
  return Array.from({ length: count }, (_, index) => {
    const n = from + index;
    return {
      key: `customer-${n % 512}`,
      id: `o-${n}`,
      body: JSON.stringify({ orderId: `o-${n}`, total: n, note: NOTE }),
    };
  });
}

/** Makes an event about 200 bytes. */
export const NOTE = "x".repeat(150);
