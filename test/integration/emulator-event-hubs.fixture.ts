import {
  EventHubConsumerClient,
  EventHubProducerClient,
  type ReceivedEventData,
  type SubscribeOptions,
} from "@azure/event-hubs";
import { type EventHubsEmulator, type EventHubsEmulatorOptions, startEventHubsEmulator } from "@waybill/emulators";
import { expect, onTestFinished } from "vitest";

export * from "@waybill/emulators";

/** No retries: a test sees the first answer. */
const clientOptions = (timeoutInMs: number) => ({ retryOptions: { maxRetries: 0, timeoutInMs } });

export interface Opened extends EventHubsEmulator {
  producer(hub?: string, timeoutInMs?: number): EventHubProducerClient;
  consumer(hub?: string, group?: string): EventHubConsumerClient;
}

/** One emulator with the hub `orders` of two partitions, and unmodified clients of it; all closed when the test ends. */
export async function open(options: EventHubsEmulatorOptions = {}): Promise<Opened> {
  const hubs = options.config === undefined ? { orders: { partitionCount: 2, consumerGroups: ["billing"] } } : {};
  const emulator = await startEventHubsEmulator({ hubs, ...options });
  return withClients(emulator);
}

export function withClients(emulator: EventHubsEmulator): Opened {
  const clients: { close(): Promise<void> }[] = [];
  const keep = <T extends { close(): Promise<void> }>(client: T): T => {
    clients.push(client);
    return client;
  };
  onTestFinished(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await emulator.close();
  });
  return Object.assign(Object.create(emulator) as EventHubsEmulator, emulator, {
    producer: (hub = "orders", timeoutInMs = 5_000) =>
      keep(new EventHubProducerClient(emulator.connectionString, hub, clientOptions(timeoutInMs))),
    consumer: (hub = "orders", group = "$Default") =>
      keep(new EventHubConsumerClient(group, emulator.connectionString, hub, clientOptions(5_000))),
  });
}

export interface Reading {
  readonly events: ReceivedEventData[];
  readonly errors: { code?: string; message: string }[];
  /** Reasons of `processClose`. */
  readonly closed: string[];
  stop(): Promise<void>;
}

/** Reads one partition until it is stopped, or the test ends. */
export function read(client: EventHubConsumerClient, partition: string, options: SubscribeOptions = {}): Reading {
  const reading = { events: [] as ReceivedEventData[], errors: [] as Reading["errors"], closed: [] as string[] };
  const subscription = client.subscribe(
    partition,
    {
      processEvents: async (events) => void reading.events.push(...events),
      processError: async (error) => void reading.errors.push(error),
      processClose: async (reason) => void reading.closed.push(reason),
    },
    { startPosition: { offset: "-1" }, maxBatchSize: 100, maxWaitTimeInSeconds: 1, ...options },
  );
  return { ...reading, stop: () => subscription.close() };
}

export const bodies = (events: readonly ReceivedEventData[]): unknown[] => events.map(({ body }) => body);

/** Sends one batch to one partition. */
export async function send(client: EventHubProducerClient, partitionId: string, ...items: unknown[]): Promise<void> {
  await client.sendBatch(
    items.map((body) => ({ body })),
    { partitionId },
  );
}

/** Waits until the assertion behind it holds; long enough for a machine that is busy with other things. */
export const eventually = <T>(look: () => T): ReturnType<typeof expect.poll<T>> =>
  expect.poll(look, { timeout: 20_000, interval: 20 });
