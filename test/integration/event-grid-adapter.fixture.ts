import type { RawCloudEvent } from "@waybill/core";
import { createCodec, type Delivery, type OutboundMessage, type Receiver } from "@waybill/core/spi";
import { type EventGridAdapter, type EventGridOptions, eventGrid } from "@waybill/event-grid";
import { onTestFinished } from "vitest";
import { type EventGridEmulator, open } from "./emulator-event-grid.fixture.ts";
import { never, want } from "./sender-and-receiver.fixture.ts";

const codec = createCodec();

/** A namespace with `orders/billing`, what reaches it alone, and its dead letters. */
export async function namespace(
  options: Partial<EventGridOptions> = {},
  subscription: object = {},
): Promise<{ emulator: EventGridEmulator; adapter: EventGridAdapter }> {
  const topics = ["orders", "orders--billing", "orders--billing--dead"].map((name) => ({
    name,
    subscriptions: [{ name: "billing", ...subscription }],
  }));
  const emulator = await open({ namespaces: [{ name: "shop", topics }] });
  const adapter = eventGrid({ endpoint: emulator.endpoint, key: emulator.key, ...options });
  onTestFinished(() => adapter.close());
  return { emulator, adapter };
}

export const source = { topic: "orders", subscription: "billing", startFrom: "earliest" } as const;

export const raw = (id: string, data?: unknown, more: object = {}): RawCloudEvent =>
  ({
    specversion: "1.0",
    id,
    source: "/shop",
    type: "order.placed",
    ...(data === undefined ? {} : { data }),
    ...more,
  }) as never;

/** Extensions of every type. */
export const EXTENSIONS = {
  partitionkey: "o-1",
  traceparent: "00-1",
  tracestate: "x=1",
  count: 7,
  flag: false,
  myext: "ünï \u{1f4e6}",
};

export const message = (event: RawCloudEvent): OutboundMessage => codec.encode(event, { headers: false });

export function eventOf({ message }: Pick<Delivery, "message">): RawCloudEvent {
  const { event } = codec.decode(message);
  // A view of the body: the same bytes, another class.
  return event.data instanceof Uint8Array ? { ...event, data: Uint8Array.from(event.data) } : event;
}

export const attemptOf = ({ message }: Delivery): number | undefined => codec.decode(message).bookkeeping.attempt;

/** Receives up to so many. */
export async function receiveAll(receiver: Receiver, count: number): Promise<Delivery[]> {
  const found: Delivery[] = [];
  for (const endMs = Date.now() + 8_000; found.length < count && Date.now() < endMs; ) {
    found.push(...(await receiver.receive(want({ max: count - found.length }), never)));
  }
  return found;
}
