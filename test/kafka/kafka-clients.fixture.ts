import {
  type Consumer,
  type EachMessagePayload,
  Kafka,
  type KafkaMessage,
  logLevel,
  Partitioners,
  type Producer,
} from "kafkajs";

/** kafkajs over a test's brokers. `close` disconnects every client made here; the retries are written out because kafkajs has others under vitest. */
export function kafkaClients(brokers: string[]) {
  const retry = { initialRetryTime: 50, maxRetryTime: 500, retries: 20 };
  const kafka = new Kafka({ clientId: "waybill-test", brokers, logLevel: logLevel.NOTHING, retry });
  const open: { disconnect(): Promise<void> }[] = [];
  return {
    async producer(): Promise<Producer> {
      const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
      open.push(producer);
      await producer.connect();
      return producer;
    },
    /** Resolves when the member has joined; `joins` grows with every rebalance. Nothing is committed but by the test. */
    async member(
      groupId: string,
      topic: string,
      onMessage: (one: EachMessagePayload) => Promise<void> | void,
    ): Promise<Member> {
      const consumer = kafka.consumer({
        groupId,
        sessionTimeout: 6_000,
        heartbeatInterval: 200,
        maxWaitTimeInMs: 100,
        retry,
      });
      open.push(consumer);
      const joins: number[][] = [];
      const joined = new Promise<void>((resolve) => {
        consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
          joins.push((payload.memberAssignment[topic] ?? []).toSorted());
          resolve();
        });
      });
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      await consumer.run({ autoCommit: false, eachMessage: async (one) => onMessage(one) });
      await joined;
      return { consumer, joins };
    },
    /** The number of messages on the topic. */
    async count(topic: string): Promise<number> {
      const admin = kafka.admin();
      await admin.connect();
      try {
        const partitions = await admin.fetchTopicOffsets(topic);
        return partitions.reduce((sum, one) => sum + Number(one.high) - Number(one.low), 0);
      } finally {
        await admin.disconnect();
      }
    },
    async topics(): Promise<string[]> {
      const admin = kafka.admin();
      await admin.connect();
      try {
        return await admin.listTopics();
      } finally {
        await admin.disconnect();
      }
    },
    async createTopic(
      topic: string,
      numPartitions: number,
      settings: Readonly<Record<string, string>> = {},
    ): Promise<void> {
      const admin = kafka.admin();
      await admin.connect();
      try {
        const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
        await admin.createTopics({ topics: [{ topic, numPartitions, configEntries }], waitForLeaders: true });
      } finally {
        await admin.disconnect();
      }
    },
    close: async () => void (await Promise.all(open.splice(0).map((client) => client.disconnect()))),
  };
}

interface Member {
  readonly consumer: Consumer;
  /** The partitions it got, once for each rebalance. */
  readonly joins: readonly number[][];
}

export const text = (message: KafkaMessage) => `${message.key}=${message.value}`;
