import { createBus, defineEvent, defineTopic } from "@waybill/core";
import { kafka, murmur2 } from "@waybill/kafka";
import { Kafka, logLevel } from "kafkajs";
import { expect, it } from "vitest";
import { z } from "zod";
import { twoBrokers } from "../kafka/second-broker.fixture.ts";
import { canStartKafka } from "../kafka/test-kafka.ts";

/** A key that Kafka's hash puts in this one of two partitions. */
function keyIn(partition: number): string {
  for (let n = 0; ; n++) if ((murmur2(Buffer.from(`key-${n}`)) & 0x7fffffff) % 2 === partition) return `key-${n}`;
}

it("sends all of a batch, over both engines, when a partition has moved to a broker that leads another", {
  timeout: 120_000,
}, async (context) => {
  if (!(await canStartKafka("kafka leaders"))) context.skip();
  const cluster = await twoBrokers();
  const { brokers } = cluster;
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
  const adapters = (["kafkajs", "platformatic"] as const).map((engine) => kafka({ brokers, engine }));
  const signal = new AbortController().signal;
  const messages = [0, 1].map((partition) => {
    const key = keyIn(partition);
    return { id: key, key, body: Buffer.from(key), headers: {} };
  });
  const ok = expect.objectContaining({ ok: true });
  try {
    await admin.connect();
    for (const [n, adapter] of adapters.entries()) {
      const topic = `moving-${n}`;
      const replicaAssignment = [1, 2].map((broker, partition) => ({ partition, replicas: [broker] }));
      await admin.createTopics({ topics: [{ topic, replicaAssignment }] });
      const sender = await adapter.openSender(topic);
      expect(await sender.send(messages, signal)).toEqual([ok, ok]);
      const partitionAssignment = [{ partition: 1, replicas: [1] }];
      await admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment }] });
      const leaders = async () =>
        (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions.map(({ leader }) => leader);
      await expect.poll(leaders, { timeout: 20_000 }).toEqual([1, 1]);

      expect(await sender.send(messages, signal)).toEqual([ok, ok]);
      const stored = await admin.fetchTopicOffsets(topic);
      expect(stored.map(({ high }) => high)).toEqual(["2", "2"]);
    }
  } finally {
    await Promise.all([...adapters.map((adapter) => adapter.close()), admin.disconnect()]);
    await cluster.stop();
  }
});

it("publishes to partitions that have a leader while one of the topic has none, and to that one in order once it has, over kafkajs", {
  timeout: 120_000,
}, async (context) => {
  if (!(await canStartKafka("kafka leaders"))) context.skip();
  const cluster = await twoBrokers();
  const { brokers } = cluster;
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const counted = defineEvent("com.example.counted", z.object({ n: z.number() }));
  const replicaAssignment = [1, 2].map((broker, partition) => ({ partition, replicas: [broker] }));
  const topic = defineTopic("leaderless", [counted]);
  const other = {
    topic: "another",
    replicaAssignment: replicaAssignment.slice(1).map((one) => ({ ...one, partition: 0 })),
  };
  await admin.createTopics({ topics: [{ topic: topic.name, replicaAssignment }, other] });
  const adapter = kafka({ brokers });
  const signal = new AbortController().signal;
  const bus = createBus({ source: "/leaders", adapter: kafka({ brokers }) });
  const publish = (n: number) => bus.publish(topic, counted({ n }, { key: keyIn(n % 2) }));
  try {
    const sender = await adapter.openSender(topic.name);
    const probes = [0, 1].map((partition) => ({ id: "probe", key: keyIn(partition), body: null, headers: {} }));
    const send = async () => (await sender.send(probes, signal)).map(({ ok }) => ok);
    expect(await send()).toEqual([true, true]);
    await cluster.killSecond();
    await expect.poll(send, { timeout: 20_000 }).toEqual([true, false]);

    const answered = new Set<number>();
    const publishing = [0, 1, 2, 3, 4, 5].map((n) => publish(n).then(() => answered.add(n)));
    await expect.poll(() => [...answered], { timeout: 10_000 }).toEqual([0, 2, 4]);
    await cluster.startSecond();
    await Promise.all(publishing);
    const seen: number[] = [];
    await bus.subscribe(topic, { name: "reader" }, async ({ data }) => void seen.push(data.n));
    const odd = () => [...new Set(seen.filter((n) => n % 2 === 1))];
    await expect.poll(odd, { timeout: 20_000 }).toEqual([1, 3, 5]);
  } finally {
    await Promise.all([bus.close(), adapter.close(), admin.disconnect()]);
    await cluster.stop();
  }
});

it.for(["kafkajs", "platformatic"] as const)(
  "tells of a partition that has lost its leader, and reads all of them when it is back, over %s",
  {
    timeout: 120_000,
  },
  async (engine, context) => {
    if (!(await canStartKafka("kafka leaders"))) context.skip();
    const cluster = await twoBrokers();
    const { brokers } = cluster;
    const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { retries: 0 } }).admin();
    await admin.connect();
    const counted = defineEvent("com.example.counted", z.object({ n: z.number() }));
    const replicaAssignment = [1, 2].map((broker, partition) => ({ partition, replicas: [broker] }));
    const topic = defineTopic("leaderless", [counted]);
    await admin.createTopics({ topics: [{ topic: topic.name, replicaAssignment }] });
    const troubles: unknown[] = [];
    const bus = createBus({
      source: "/leaders",
      adapter: kafka({ brokers, engine, sessionTimeoutMs: 6_000 }),
      observers: [{ trouble: ({ error }) => void troubles.push(error) }],
    });
    const numbers = new Set<number>();
    const subscription = await bus.subscribe(topic, { name: "reader" }, async ({ data }) => void numbers.add(data.n));
    const publish = (n: number) => bus.publish(topic, counted({ n }, { key: keyIn(n % 2) }));
    const seen = () => [...numbers].sort();
    const writer = createBus({ source: "/leaders", adapter: kafka({ brokers }) });
    const isLeaderless = () =>
      admin.fetchTopicMetadata({ topics: [topic.name] }).then(
        () => false,
        () => true,
      );
    try {
      await Promise.all([0, 1].map(publish));
      await expect.poll(seen, { timeout: 20_000 }).toEqual([0, 1]);
      await cluster.killSecond();
      await expect.poll(() => troubles.length > 0 && !subscription.health.ok, { timeout: 15_000 }).toBe(true);
      if (engine === "platformatic") {
        await expect.poll(isLeaderless, { timeout: 15_000 }).toBe(true);
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        await writer.publish(topic, counted({ n: 4 }, { key: keyIn(0) }));
        await expect.poll(seen, { timeout: 5_000 }).toEqual([0, 1, 4]);
      }
      await cluster.startSecond();
      await Promise.all([2, 3].map(publish));
      await expect.poll(seen, { timeout: 40_000 }).toEqual(expect.arrayContaining([0, 1, 2, 3]));
      expect(subscription.health).toEqual({ ok: true });
    } finally {
      await Promise.all([bus.close(), writer.close(), admin.disconnect()]);
      await cluster.stop();
    }
  },
);
