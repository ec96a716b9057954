import { type Backlog, createCall } from "@waybill/core/spi";
import { DEFAULT_MAX_MESSAGE_BYTES } from "./capabilities.ts";
import { classify, failedCall } from "./classify.ts";
import type { KafkaEngine, Position, StartPosition, TopicPartition } from "./engine/engine.ts";
import { kafkaErrors } from "./errors.ts";
import type { Settings } from "./options.ts";

/** A topic that was just created is not known to every broker at once. */
const SPREADING_PAUSE_MS = 100;

/** What the adapter asks and tells the cluster beside sending and receiving. Topics and groups by physical name. */
export interface KafkaAdmin {
  /** How many partitions the topic has; makes it where that is allowed. Throws, kind `not-found`, where it is missing and may not be made. */
  ensure(topic: string, logical: string): Promise<number>;
  /** As `ensure`, but answers false instead of throwing that it is missing. */
  ensureIfAllowed(topic: string, logical: string): Promise<boolean>;
  partitionCount(topic: string): Promise<number | undefined>;
  /** Resolves with the number of its partitions when this client sees them. Fine when somebody else was faster. */
  create(topic: string, partitions: number | undefined): Promise<number | undefined>;
  /** Fine when there is none any more. */
  delete(topic: string): Promise<void>;
  topics(): Promise<readonly string[]>;
  maxMessageBytes(topic: string): Promise<number>;
  /** Where a group begins: where it stopped; else, in a topic that it reads for the first time, at one of its ends. */
  positions(
    groupId: string,
    assigned: readonly TopicPartition[],
    startFrom: (topic: string) => "earliest" | "latest",
  ): Promise<readonly StartPosition[]>;
  /** Whether the group has ever read the topic, as far as the brokers remember. */
  hasPosition(groupId: string, topic: string): Promise<boolean>;
  backlog(groupId: string, topics: readonly string[]): Promise<Backlog>;
  ping(): Promise<void>;
}

export function createAdmin(engine: () => Promise<KafkaEngine>, settings: Settings): KafkaAdmin {
  // The second engine would wait as long again for each of its retries.
  const call = createCall(settings.requestTimeoutMs, new AbortController().signal);
  const ask = async <T>(
    doing: string,
    what: string,
    question: (of: KafkaEngine["admin"]) => Promise<T>,
  ): Promise<T> => {
    try {
      return await call(undefined, async () => question((await engine()).admin));
    } catch (error) {
      throw failedCall(doing, what, error);
    }
  };

  const partitionCount = (topic: string) => ask("Looking for topic", topic, (admin) => admin.partitionCount(topic));

  const create = async (topic: string, partitions: number | undefined): Promise<number | undefined> => {
    const { replicationFactor } = settings;
    await ask("Creating topic", topic, (admin) => admin.createTopic({ topic, partitions, replicationFactor }));
    const untilMs = performance.now() + settings.requestTimeoutMs;
    for (;;) {
      const found = await partitionCount(topic);
      if (found !== undefined || performance.now() > untilMs) return found;
      await new Promise((resolve) => setTimeout(resolve, SPREADING_PAUSE_MS));
    }
  };

  const ensureOrNone = async (topic: string, logical: string): Promise<number | undefined> => {
    const found = await partitionCount(topic);
    if (found !== undefined || !settings.createTopics) return found;
    return create(topic, logical.includes("/") ? 1 : settings.partitions);
  };

  const startsOf = async (
    groupId: string,
    topic: string,
    partitions: readonly number[],
    startFrom: "earliest" | "latest",
  ): Promise<StartPosition[]> => {
    const [committed, ranges] = await Promise.all([
      ask("Asking for the position of", groupId, (admin) => admin.committed(groupId, topic)),
      ask("Asking for the offsets of", topic, (admin) => admin.ranges(topic)),
    ]);
    return partitions.map((partition) => {
      const range = ranges.find((one) => one.partition === partition);
      if (range === undefined) throw kafkaErrors.WB_KAFKA_TOPIC({ topic: `${topic}/${partition}`, logical: topic });
      const position = committed.find((one) => one.partition === partition)?.offset;
      if (position !== undefined) {
        return { topic, partition, offset: clamp(position, range.low, range.high), isNew: false };
      }
      // A partition that was added later holds nothing but what this group has not seen.
      const end = startFrom === "latest" && committed.length === 0 ? range.high : range.low;
      return { topic, partition, offset: end, isNew: true };
    });
  };

  const lagOf = async (groupId: string, topic: string): Promise<number> => {
    const [committed, ranges] = await Promise.all([
      ask("Asking for the position of", groupId, (admin) => admin.committed(groupId, topic)),
      ask("Asking for the offsets of", topic, (admin) => admin.ranges(topic)),
    ]);
    return ranges.reduce((sum, { partition, low, high }) => sum + Number(high - at(committed, partition, low)), 0);
  };

  return {
    async ensure(topic, logical) {
      const found = await ensureOrNone(topic, logical);
      if (found === undefined) throw kafkaErrors.WB_KAFKA_TOPIC({ topic, logical });
      return found;
    },
    ensureIfAllowed: async (topic, logical) => (await ensureOrNone(topic, logical)) !== undefined,
    partitionCount,
    create,
    async delete(topic) {
      try {
        await ask("Deleting topic", topic, (admin) => admin.deleteTopic(topic));
      } catch (error) {
        if (classify(error) !== "not-found") throw error;
      }
    },
    topics: () => ask("Listing", "topics", (admin) => admin.topics()),
    async maxMessageBytes(topic) {
      if (settings.maxMessageBytes !== undefined) return settings.maxMessageBytes;
      const found = await ask("Asking for the limits of", topic, (admin) => admin.maxMessageBytes(topic));
      return found ?? DEFAULT_MAX_MESSAGE_BYTES;
    },
    async positions(groupId, assigned, startFrom) {
      const topics = Map.groupBy(assigned, ({ topic }) => topic);
      const starts = [...topics].map(([topic, list]) =>
        startsOf(
          groupId,
          topic,
          list.map(({ partition }) => partition),
          startFrom(topic),
        ),
      );
      return (await Promise.all(starts)).flat();
    },
    async hasPosition(groupId, topic) {
      const found = await ask("Asking for the position of", groupId, (admin) => admin.committed(groupId, topic));
      return found.length > 0;
    },
    async backlog(groupId, topics) {
      const present: string[] = [];
      for (const topic of topics) if ((await partitionCount(topic)) !== undefined) present.push(topic);
      const lags = await Promise.all(present.map((topic) => lagOf(groupId, topic)));
      return { events: lags.reduce((sum, lag) => sum + lag, 0) };
    },
    ping: () => ask("Asking", "the cluster", (admin) => admin.ping()),
  };
}

/** A topic that was made anew, or whose retention has passed the group by, has other offsets than the group remembers. */
const clamp = (offset: bigint, low: bigint, high: bigint) => (offset < low || offset > high ? low : offset);

const at = (committed: readonly Position[], partition: number, low: bigint) => {
  const offset = committed.find((one) => one.partition === partition)?.offset;
  return offset === undefined || offset < low ? low : offset;
};
