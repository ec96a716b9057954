import { randomUUID } from "node:crypto";
import { createBus } from "@waybill/core";
import { startKafka } from "@waybill/emulators/kafka";
import { kafka } from "@waybill/kafka";
import { postgres } from "@waybill/outbox/postgres";
import { Kafka, logLevel, Partitioners } from "kafkajs";
import type { RunningPostgres } from "../../postgres/start-postgres.ts";
import type { Counting } from "./counting.ts";
import { drainGraphile } from "./graphile.ts";
import { BusSink, KafkajsSink } from "./kafka-sinks.ts";
import { fillOutbox, KEYS } from "./load.ts";
import { drainPgBoss, startPgBoss } from "./pg-boss.ts";
import { drainPgTransactionalOutbox } from "./pg-transactional-outbox.ts";
import { drainSkipLocked } from "./skip-locked.ts";
import { drainWaybill } from "./waybill.ts";

const PARTITIONS = 4;

/** The path from the outbox to a real Kafka on the same machine, whose answers each contestant waits for before it removes an event. */
export async function toKafka(
  server: RunningPostgres,
  events: number,
  limitMs: number,
  add: (name: string, rate: number) => void,
): Promise<void> {
  const broker = await startKafka({ properties: { "num.partitions": `${PARTITIONS}` } });
  const client = new Kafka({ brokers: broker.brokers, logLevel: logLevel.NOTHING });
  const admin = client.admin();
  const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await Promise.all([admin.connect(), producer.connect()]);
  const newTopic = async () => {
    const topic = `orders-${randomUUID().slice(0, 8)}`;
    await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS }], waitForLeaders: true });
    return topic;
  };
  const byHand = async (drain: (url: string, sink: Counting) => Promise<number>) =>
    drain(await server.database(), new KafkajsSink(producer, await newTopic()));
  const ours = async (keys: number) => {
    const url = await server.database();
    const store = postgres({ connectionString: url });
    await store.open();
    await store.close();
    const topic = await newTopic();
    const bus = createBus({ source: "/shop", adapter: kafka({ brokers: broker.brokers, names: { orders: topic } }) });
    try {
      return await drainWaybill(url, new BusSink(bus), events, (n) => fillOutbox(server, url, n, keys), { limitMs });
    } finally {
      await bus.close();
    }
  };
  try {
    await ours(KEYS);
    add("", await ours(KEYS));
    add(", one hot key", await ours(1));
    add(", SKIP LOCKED by hand", await byHand((url, sink) => drainSkipLocked(server, url, sink, events)));
    add(", graphile-worker batched", await byHand((url, sink) => drainGraphile(server, url, sink, events / 4)));
    add(", pg-boss", await byHand((url, sink) => drainPgBoss(startPgBoss, server, url, sink, events)));
    add(
      ", pg-transactional-outbox",
      await byHand((url, sink) => drainPgTransactionalOutbox(server, url, sink, events / 10, limitMs)),
    );
  } finally {
    await Promise.allSettled([admin.disconnect(), producer.disconnect()]);
    await broker.stop();
  }
}
