import { createHash } from "node:crypto";
import { QueueServiceClient } from "@azure/storage-queue";
import {
  type Adapter,
  createCodec,
  type Delivery,
  type OutboundMessage,
  type Receiver,
  type Source,
} from "@waybill/core/spi";
import type { Azurite } from "@waybill/emulators";
import { type StorageQueueOptions, storageQueue } from "@waybill/storage-queue";
import { afterAll, expect, onTestFinished } from "vitest";
import { testAzurite } from "../azurite/test-azurite.ts";
import { never, want } from "./sender-and-receiver.fixture.ts";

const codec = createCodec();

/** A topic of one test, so that none sees another's messages. */
interface Topic {
  readonly topic: string;
  /** Closed when the test ends. */
  readonly adapter: Adapter;
  source(subscription?: string): Source;
  /** The name of the queue of `billing`, or of another subscription. */
  queueOf(subscription?: string): string;
}

export interface Queues {
  /** Undefined: the suite is to be skipped. */
  readonly azurite: Azurite | undefined;
  readonly connectionString: string;
  /** The unmodified SDK beside us. */
  readonly raw: QueueServiceClient;
  setUp(options?: Partial<StorageQueueOptions>, subscriptions?: readonly string[]): Topic;
}

/** Azurite for one test file. */
export async function openQueues(suite: string): Promise<Queues> {
  const azurite = await testAzurite(suite);
  afterAll(() => azurite?.stop());
  const connectionString = azurite?.connectionString ?? "UseDevelopmentStorage=true";
  let topics = 0;
  return {
    azurite,
    connectionString,
    raw: QueueServiceClient.fromConnectionString(connectionString, { retryOptions: { maxTries: 1 } }),
    setUp(options = {}, subscriptions = ["billing"]) {
      const topic = `topic-${++topics}`;
      const adapter = storageQueue({
        ...(options.sasUrl || options.endpoint ? {} : { connectionString }),
        subscriptions: { [topic]: subscriptions },
        maxPollMs: 100,
        ...options,
      });
      onTestFinished(() => adapter.close());
      return {
        topic,
        adapter,
        source: (subscription = "billing") => ({ topic, subscription, startFrom: "earliest" }),
        queueOf: (subscription = "billing") => queueName(topic, subscription),
      };
    },
  };
}

/** As documented: both names, and six digits of the hash of what they are joined by a slash. */
export const queueName = (topic: string, subscription: string) =>
  `${topic}-${subscription}-${createHash("sha256").update(`${topic}/${subscription}`).digest("hex").slice(0, 6)}`;

export const plan = (adapter: Adapter, prune = false) => adapter.topology!.plan({ prune, signal: never });

export const event = (id: string, data: unknown = { id }): OutboundMessage =>
  codec.encode({ specversion: "1.0", id, source: "/shop", type: "placed", data } as never, { headers: false });
export const idOf = ({ message }: Pick<Delivery, "message">) => codec.decode(message).event.id;

/** Receives exactly so many. */
export async function receiveAll(receiver: Receiver, count: number, withinMs = 20_000): Promise<Delivery[]> {
  const found: Delivery[] = [];
  const until = Date.now() + withinMs;
  while (found.length < count && Date.now() < until) found.push(...(await receiver.receive(want(), never)));
  expect(found).toHaveLength(count);
  return found;
}

export const one = <T>(list: readonly T[]): T => {
  expect(list).toHaveLength(1);
  return list[0] as T;
};
