import { ServiceBusClient } from "@azure/service-bus";
import { createCodec, type Delivery, type OutboundMessage, type Receiver, type Sender } from "@waybill/core/spi";
import { type ServiceBusEmulator, type ServiceBusEmulatorOptions, startServiceBusEmulator } from "@waybill/emulators";
import { type ServiceBusAdapter, type ServiceBusOptions, serviceBus } from "@waybill/service-bus";
import { expect, onTestFinished } from "vitest";

export const never: AbortSignal = new AbortController().signal;
const codec = createCodec();

export interface Opened {
  readonly emulator: ServiceBusEmulator;
  /** The unmodified SDK beside us. */
  readonly client: ServiceBusClient;
  /** Another instance, as if in another process. */
  adapter(options?: Partial<ServiceBusOptions>): ServiceBusAdapter;
  /** Makes what `options` declare, by the adapter's own topology. */
  apply(adapter: ServiceBusAdapter): Promise<void>;
}

/** One emulator for the test, closed at its end. */
export async function open(options: ServiceBusEmulatorOptions = {}): Promise<Opened> {
  const emulator = await startServiceBusEmulator(options);
  const { connectionString } = emulator;
  const client = new ServiceBusClient(connectionString, { retryOptions: { maxRetries: 0, timeoutInMs: 5_000 } });
  const open: ServiceBusAdapter[] = [];
  onTestFinished(async () => {
    await Promise.all(open.map((adapter) => adapter.close()));
    await client.close();
    await emulator.close();
  });
  return {
    emulator,
    client,
    adapter(given = {}) {
      const signIn = given.namespace === undefined ? { connectionString } : {};
      const adapter = serviceBus({ ...signIn, subscriptions: { orders: ["billing"] }, ...given });
      open.push(adapter);
      return adapter;
    },
    async apply(adapter) {
      for (const step of await adapter.topology!.plan({ prune: false, signal: never })) await step.apply!(never);
    },
  };
}

export const source = { topic: "orders", subscription: "billing", startFrom: "earliest" } as const;

export function event(
  id: string,
  { key, data = { id }, from = "/shop" }: { key?: string; data?: unknown; from?: string } = {},
): OutboundMessage {
  const raw = {
    specversion: "1.0",
    id,
    source: from,
    type: "placed",
    data,
    ...(key === undefined ? {} : { partitionkey: key }),
  };
  return codec.encode(raw as never, { headers: true });
}

export const ids = (deliveries: readonly Delivery[]) => deliveries.map(({ message }) => message.id);

export async function send(sender: Sender, ...messages: readonly OutboundMessage[]): Promise<void> {
  const outcomes = await sender.send(messages, never);
  expect(outcomes.filter(({ ok }) => !ok)).toEqual([]);
}

const want = (max: number) => ({ max, maxBytes: 64 * 1024 * 1024, pausedLanes: new Set<string>() });

/** Receives exactly so many. */
export async function take(receiver: Receiver, count: number, withinMs = 20_000): Promise<Delivery[]> {
  const taken: Delivery[] = [];
  const until = Date.now() + withinMs;
  while (taken.length < count) {
    if (Date.now() > until) throw new Error(`Only ${taken.length} of ${count} came: ${ids(taken).slice(0, 10)}.`);
    taken.push(...(await receiver.receive(want(count - taken.length), never)));
  }
  return taken;
}

export const ack = (delivery: Delivery) => ({ delivery, kind: "ack" }) as const;
export const release = (delivery: Delivery) => ({ delivery, kind: "release", delayMs: 0 }) as const;

export async function until(holds: () => boolean | Promise<boolean>, what: string, withinMs = 20_000): Promise<void> {
  const end = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`Waited ${withinMs} ms in vain for this: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
