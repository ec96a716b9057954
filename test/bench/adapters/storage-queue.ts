import { randomUUID } from "node:crypto";
import { QueueServiceClient } from "@azure/storage-queue";
import { startAzurite } from "@waybill/emulators";
import { storageQueue } from "@waybill/storage-queue";
import { type BrokerEntry, documentOf, type Load } from "./broker-bench.ts";

const AT_ONCE = 16;

/** The SDK has no batches: its best way is several calls side by side, for sends and for deletes. */
export const storageQueueBench: BrokerEntry = {
  name: "storage-queue",
  events: 1_000,
  batch: 200,
  start: async () => {
    const azurite = await startAzurite();
    const service = QueueServiceClient.fromConnectionString(azurite.connectionString);
    const queueOf = (topic: string) => service.getQueueClient(`${topic}-raw`);
    const text = (load: Load) => Buffer.from(documentOf(load)).toString("base64");
    return {
      place: async () => {
        const place = { topic: `bench-${randomUUID().slice(0, 8)}`, subscription: "billing" };
        await queueOf(place.topic).create();
        return place;
      },
      // Azurite looks through all messages of all queues for each delete: 12 ms of its processor for 4 000 that lie anywhere.
      leave: async ({ topic }) => {
        for await (const { name } of service.listQueues({ prefix: topic })) await service.deleteQueue(name);
      },
      adapter: ({ topic, subscription }) =>
        storageQueue({ connectionString: azurite.connectionString, subscriptions: { [topic]: [subscription] } }),
      rawSend: async (topic) => {
        const queue = queueOf(topic);
        return {
          one: async (load) => void (await queue.sendMessage(text(load))),
          batch: (loads) => sideBySide(loads, async (load) => void (await queue.sendMessage(text(load)))),
          close: async () => undefined,
        };
      },
      rawConsume: async ({ topic }, count, clock) => {
        const queue = queueOf(topic);
        for (let left = count; left > 0; ) {
          const { receivedMessageItems } = await queue.receiveMessages({ numberOfMessages: 32 });
          clock.first();
          await sideBySide(receivedMessageItems, async ({ messageId, messageText, popReceipt }) => {
            JSON.parse(Buffer.from(messageText, "base64").toString());
            await queue.deleteMessage(messageId, popReceipt);
          });
          left -= receivedMessageItems.length;
        }
      },
      stop: () => azurite.stop(),
    };
  },
};

async function sideBySide<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < items.length) await work(items[next++]!);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
