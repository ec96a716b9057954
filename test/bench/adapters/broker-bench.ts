import { randomUUID } from "node:crypto";
import type { Adapter } from "@waybill/core/spi";

/** What both sides are given to send: some 200 bytes of data, one key in 512. */
export interface Load {
  readonly key: string;
  readonly data: { readonly orderId: string; readonly total: number; readonly note: string };
}

export interface Place {
  readonly topic: string;
  readonly subscription: string;
}

/** What counts of a consumer's life. Without `last` its closing counts as well. */
export interface BenchClock {
  /** The first message has come. */
  first(): void;
  /** The last ack is told. */
  last(): void;
}

/** One broker, started, and its SDK used as its own documentation says. */
export interface BrokerBench {
  /** A fresh place for each measurement: what is left in the last one must not be in its way. */
  place(): Promise<Place>;
  /** After each measurement, outside its time: takes the place away with what is left in it, where that slows the broker down. */
  leave?(place: Place): Promise<void>;
  adapter(place: Place): Adapter;
  /** One message, awaited. */
  rawSend(
    topic: string,
  ): Promise<{ one(load: Load): Promise<void>; batch(loads: readonly Load[]): Promise<void>; close(): Promise<void> }>;
  /** Resolves when so many messages have been received and acked, by the SDK's fastest way of doing both, and the client is closed. */
  rawConsume(place: Place, count: number, clock: BenchClock): Promise<void>;
  /** The same adapter over other client libraries, beside the raw SDK of the first. */
  readonly engines?: readonly Engine[];
  /** Other libraries on the same broker. */
  readonly peers?: readonly Peer[];
  stop(): Promise<void>;
}

export interface Engine {
  readonly name: string;
  adapter(place: Place): Adapter;
}

export interface Peer {
  readonly name: string;
  send(topic: string): Promise<{ one(load: Load): Promise<void>; close(): Promise<void> }>;
  consume(place: Place, count: number, clock: BenchClock): Promise<void>;
}

export interface BrokerEntry {
  readonly name: string;
  /** Messages of one measurement; with `--quick` ten times fewer. Brokers differ by two orders of magnitude. */
  readonly events: number;
  /** Of one measurement of receiving. Default: `events`. */
  readonly consumeEvents?: number;
  /** Default 3. More where a measurement is over in a part of a second, and so tells as much of the machine as of the code. */
  readonly rounds?: number;
  /** Of the broker's own best batch call. */
  readonly batch: number;
  readonly start: () => Promise<BrokerBench>;
}

export function loads(count: number): Load[] {
  return Array.from({ length: count }, (_, n) => ({
    key: `customer-${n % 512}`,
    data: { orderId: `o-${n}`, total: n, note: NOTE },
  }));
}

const NOTE = "x".repeat(150);

/** The attributes of a CloudEvent as someone without a library writes them. */
export function attributesOf({ key }: Load) {
  return {
    specversion: "1.0",
    id: randomUUID(),
    source: "/bench",
    type: "com.example.order.placed",
    time: new Date().toISOString(),
    partitionkey: key,
  };
}

/** Attributes behind a prefix, as headers. */
export function headersOf(load: Load, prefix: string): Record<string, string> {
  return Object.fromEntries(Object.entries(attributesOf(load)).map(([name, value]) => [prefix + name, value]));
}

/** The event of a message with headers, read by hand: what a handler would be given. */
export function eventOfHeaders(headers: Readonly<Record<string, unknown>> | undefined, prefix: string, body: string) {
  const event: Record<string, unknown> = {};
  for (const name in headers) if (name.startsWith(prefix)) event[name.slice(prefix.length)] = String(headers[name]);
  event.data = JSON.parse(body);
  return event;
}

/** A structured event. */
export function documentOf(load: Load): string {
  return JSON.stringify({ ...attributesOf(load), datacontenttype: "application/json", data: load.data });
}
