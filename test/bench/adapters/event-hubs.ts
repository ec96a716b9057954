import {
  type EventData,
  EventHubConsumerClient,
  EventHubProducerClient,
  earliestEventPosition,
} from "@azure/event-hubs";
import { BlobCheckpointStore } from "@azure/eventhubs-checkpointstore-blob";
import { ContainerClient } from "@azure/storage-blob";
import { eventHubs } from "@waybill/event-hubs";
import { type BrokerEntry, eventOfHeaders, headersOf, type Load } from "./broker-bench.ts";
import { startEmulatorsBeside } from "./emulators.ts";

/**
 * One `sendBatch` a partition, side by side, with keys spread over partitions by a hash of one's own; the SDK's buffered producer does the same, but waits
 * before it sends. `subscribe` with a checkpoint after each batch.
 */
export const eventHubsBench: BrokerEntry = {
  name: "event-hubs",
  events: 50_000,
  batch: 500,
  start: async () => {
    const emulators = await startEmulatorsBeside();
    return {
      place: emulators.place,
      adapter: () =>
        eventHubs({
          connectionString: emulators.eventHubs,
          // As many at a time as the raw SDK is asked for.
          partitionBatch: 500,
          checkpoints: { connectionString: emulators.storage, container: "checkpoints" },
        }),
      rawSend: async (topic) => {
        const producer = new EventHubProducerClient(emulators.eventHubs, topic);
        const partitionIds = await producer.getPartitionIds();
        const partitionOf = ({ key }: Load) => partitionIds[hash(key) % partitionIds.length]!;
        return {
          one: (load) => producer.sendBatch([message(load)], { partitionKey: load.key }),
          batch: async (loads) => {
            await Promise.all(
              [...Map.groupBy(loads, partitionOf)].map(([partitionId, some]) =>
                producer.sendBatch(some.map(message), { partitionId }),
              ),
            );
          },
          close: () => producer.close(),
        };
      },
      rawConsume: async ({ topic, subscription }, count, clock) => {
        const container = new ContainerClient(emulators.storage, `raw-${topic}`);
        await container.createIfNotExists();
        const consumer = new EventHubConsumerClient(
          subscription,
          emulators.eventHubs,
          topic,
          new BlobCheckpointStore(container),
          { loadBalancingOptions: { strategy: "greedy", updateIntervalInMs: 500 } },
        );
        let left = count;
        const all = Promise.withResolvers<void>();
        const subscribed = consumer.subscribe(
          {
            processEvents: async (events, context) => {
              if (events.length === 0) return;
              clock.first();
              for (const { properties, body } of events) eventOfHeaders(properties, "cloudEvents_", String(body));
              await context.updateCheckpoint(events.at(-1)!);
              left -= events.length;
              if (left <= 0) all.resolve();
            },
            processError: async (error) => all.reject(error),
          },
          {
            maxBatchSize: 500,
            skipParsingBodyAsJson: true,
            maxWaitTimeInSeconds: 1,
            startPosition: earliestEventPosition,
          },
        );
        await all.promise;
        clock.last();
        await subscribed.close();
        await consumer.close();
      },
      stop: emulators.stop,
    };
  },
};

/** FNV-1a. */
function hash(key: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) value = Math.imul(value ^ key.charCodeAt(at), 0x01000193);
  return value >>> 0;
}

const message = (load: Load): EventData => {
  const properties = headersOf(load, "cloudEvents_");
  return {
    body: Buffer.from(JSON.stringify(load.data)),
    messageId: properties.cloudEvents_id!,
    contentType: "application/json",
    properties,
  };
};
