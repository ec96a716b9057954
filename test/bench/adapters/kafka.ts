import { randomUUID } from "node:crypto";
import { startKafka } from "@waybill/emulators/kafka";
import { kafka as kafkaAdapter } from "@waybill/kafka";
import { Kafka, logLevel, Partitioners } from "kafkajs";
import { type BrokerEntry, eventOfHeaders, headersOf, type Load } from "./broker-bench.ts";
import { nestConsume, nestSender } from "./kafka-nest.ts";

const PARTITIONS = 4;

/** kafkajs as its documentation has it: one producer, one `send` with many messages, `eachBatch`. */
export const kafkaBench: BrokerEntry = {
  name: "kafka",
  events: 50_000,
  consumeEvents: 200_000,
  batch: 1_000,
  start: async () => {
    const broker = await startKafka({ properties: { "num.partitions": String(PARTITIONS) } });
    const client = new Kafka({ brokers: broker.brokers, logLevel: logLevel.NOTHING });
    const admin = client.admin();
    await admin.connect();
    const message = (load: Load) => ({
      key: load.key,
      value: JSON.stringify(load.data),
      headers: { ...headersOf(load, "ce_"), "content-type": "application/json" },
    });
    return {
      place: async () => {
        const topic = `bench-${randomUUID().slice(0, 8)}`;
        await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS }], waitForLeaders: true });
        return { topic, subscription: "billing" };
      },
      adapter: () => kafkaAdapter({ brokers: broker.brokers }),
      rawSend: async (topic) => {
        const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner });
        await producer.connect();
        return {
          one: async (load) => void (await producer.send({ topic, messages: [message(load)] })),
          batch: async (loads) => void (await producer.send({ topic, messages: loads.map(message) })),
          close: () => producer.disconnect(),
        };
      },
      rawConsume: async ({ topic, subscription }, count, clock) => {
        const consumer = client.consumer({ groupId: `raw-${topic}-${subscription}`, maxWaitTimeInMs: 100 });
        await consumer.connect();
        await consumer.subscribe({ topic, fromBeginning: true });
        let left = count;
        const all = Promise.withResolvers<void>();
        await consumer.run({
          autoCommit: false,
          partitionsConsumedConcurrently: PARTITIONS,
          eachBatch: async ({ batch, heartbeat }) => {
            clock.first();
            for (const { headers, value } of batch.messages) eventOfHeaders(headers, "ce_", String(value));
            await heartbeat();
            const offset = String(BigInt(batch.lastOffset()) + 1n);
            await consumer.commitOffsets([{ topic, partition: batch.partition, offset }]);
            left -= batch.messages.length;
            if (left <= 0) all.resolve();
          },
        });
        await all.promise;
        clock.last();
        await consumer.disconnect();
      },
      engines: [
        {
          name: "engine platformatic",
          adapter: () => kafkaAdapter({ brokers: broker.brokers, engine: "platformatic" }),
        },
      ],
      peers: [
        {
          name: "NestJS",
          send: (topic) => nestSender(broker.brokers, topic),
          consume: ({ topic }, count, clock) => nestConsume(broker.brokers, topic, count, clock),
        },
      ],
      stop: async () => {
        await admin.disconnect();
        await broker.stop();
      },
    };
  },
};
