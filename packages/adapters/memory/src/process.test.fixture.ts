import type { Delivery, OutboundMessage, Outcome, Receiver, Settlement, Want } from "@waybill/core/spi";
import { ManualClock } from "@waybill/core/testing";
import { type MemoryAdapter, memory } from "./adapter.ts";
import type { Like } from "./capabilities.ts";
import type { MemoryOptions } from "./options.ts";

export const all: readonly Like[] = [
  "memory",
  "storage-queue",
  "service-bus",
  "service-bus-sessions",
  "event-grid",
  "event-grid-webhook",
  "event-hubs",
  "kafka",
];

/** Never aborts. */
export const signal: AbortSignal = new AbortController().signal;

export function message(id: string, extra: Partial<OutboundMessage> = {}): OutboundMessage {
  return { id, key: undefined, body: new TextEncoder().encode(id), headers: {}, ...extra };
}

export function text(delivery: Delivery): string {
  return new TextDecoder().decode(delivery.message.body ?? undefined);
}

export const texts = (deliveries: readonly Delivery[]): string[] => deliveries.map(text);

export const want = (max = 1_000, extra: Partial<Want> = {}): Want => ({
  max,
  maxBytes: 1e9,
  pausedLanes: new Set(),
  ...extra,
});

export const ack = (delivery: Delivery): Settlement => ({ delivery, kind: "ack" });
export const release = (delivery: Delivery, delayMs = 0): Settlement => ({ delivery, kind: "release", delayMs });
export const reject = (delivery: Delivery): Settlement => ({
  delivery,
  kind: "reject",
  reason: {
    reason: "rejected",
    error: "no",
    attempts: 1,
    topic: "orders",
    subscription: "billing",
    firstFailure: "2026-01-01T00:00:00.000Z",
    time: "2026-01-01T00:00:00.000Z",
  },
});

/** One process at a broker whose time stands still: the subscription `orders/billing` is declared, and `orders/audit` too. */
export interface Process {
  readonly clock: ManualClock;
  readonly adapter: MemoryAdapter;
  send(topic: string, ...messages: OutboundMessage[]): Promise<readonly Outcome[]>;
  open(subscription?: string, startFrom?: "earliest" | "latest"): Promise<Receiver>;
  /** Receives until nothing more is there at this moment. */
  everything(receiver: Receiver, max?: number): Promise<Delivery[]>;
}

export function start(options: MemoryOptions = {}): Process {
  const clock = (options.broker?.clock as ManualClock | undefined) ?? new ManualClock();
  const declared = { orders: ["billing", "audit"] };
  const adapter = memory({ subscriptions: declared, ...(options.broker ? {} : { clock }), ...options });
  return {
    clock,
    adapter,
    async send(topic, ...messages) {
      const sender = await adapter.openSender(topic);
      const outcomes = await sender.send(messages, signal);
      await sender.close();
      return outcomes;
    },
    open: (subscription = "billing", startFrom = "earliest") =>
      adapter.openReceiver({ topic: "orders", subscription, startFrom }),
    everything: (receiver, max) => everything(receiver, max),
  };
}

async function everything(receiver: Receiver, max = 1_000): Promise<Delivery[]> {
  const out: Delivery[] = [];
  for (;;) {
    // What is there comes at once; nothing is left when the next turn finds the call still waiting.
    const stop = new AbortController();
    const receiving = receiver.receive(want(max), stop.signal);
    const next = await Promise.race([
      receiving,
      new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined))),
    ]);
    if (next === undefined) {
      stop.abort();
      out.push(...(await receiving));
      return out;
    }
    if (next.length === 0) return out;
    out.push(...next);
  }
}
