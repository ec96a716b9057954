import type { Settings } from "../../options.ts";
import type { EngineAdmin } from "../engine.ts";
import { withinSeconds } from "../within-seconds.ts";
import { clientOptions } from "./client-options.ts";
import type { Library } from "./platformatic-engine.ts";

/** By the protocol: the config resource "topic", and the timestamps that stand for the ends of a partition. */
const TOPIC_RESOURCE = 2;
const EARLIEST = -2n;
const LATEST = -1n;

/** One client for all questions. It connects when the first is asked. */
export function createAdmin(library: Library, settings: Settings): EngineAdmin {
  let made: InstanceType<Library["Admin"]> | undefined;
  const admin = () => {
    made ??= new library.Admin(clientOptions(settings));
    return made;
  };

  const partitionCount = async (topic: string): Promise<number | undefined> => {
    try {
      const { topics } = await admin().metadata({ topics: [topic], forceUpdate: true, retries: 0 });
      return topics.get(topic)?.partitionsCount;
    } catch (error) {
      // The library turns the broker's UNKNOWN_TOPIC_OR_PARTITION into this one, and our topic names are checked.
      if ((error as { code?: unknown }).code === "PLT_KFK_USER") return undefined;
      throw error;
    }
  };

  const ends = async (topic: string, count: number, timestamp: bigint): Promise<Map<number, bigint>> => {
    const partitions = Array.from({ length: count }, (_, partitionIndex) => ({ partitionIndex, timestamp }));
    const [found] = await admin().listOffsets({ topics: [{ name: topic, partitions }] });
    return new Map(found?.partitions.map(({ partitionIndex, offset }) => [partitionIndex, offset]));
  };

  return {
    async ping() {
      await admin().metadata({ topics: [], forceUpdate: true });
    },
    topics: () => admin().listTopics({ includeInternals: false }),
    partitionCount,
    async maxMessageBytes(topic) {
      try {
        const [found] = await admin().describeConfigs({
          resources: [{ resourceType: TOPIC_RESOURCE, resourceName: topic, configurationKeys: ["max.message.bytes"] }],
        });
        const value = Number(found?.configs[0]?.value);
        return value > 0 ? value : undefined;
      } catch (error) {
        if (says(error, MAY_NOT_SAY)) return undefined;
        throw error;
      }
    },
    async createTopic({ topic, partitions = -1, replicationFactor = -1 }) {
      try {
        await admin().createTopics({ topics: [topic], partitions, replicas: replicationFactor });
      } catch (error) {
        if (!says(error, ["TOPIC_ALREADY_EXISTS"])) throw error;
      }
    },
    async deleteTopic(topic) {
      await admin().deleteTopics({ topics: [topic] });
    },
    async ranges(topic) {
      const count = (await partitionCount(topic)) ?? 0;
      const [low, high] = await Promise.all([ends(topic, count, EARLIEST), ends(topic, count, LATEST)]);
      return [...low].map(([partition, first]) => ({ partition, low: first, high: high.get(partition) ?? first }));
    },
    async committed(groupId, topic) {
      const count = (await partitionCount(topic)) ?? 0;
      const partitionIndexes = Array.from({ length: count }, (_, index) => index);
      const topics = [{ name: topic, partitionIndexes }];
      const [group] = await admin().listConsumerGroupOffsets({ groups: [{ groupId, topics }] });
      return (group?.topics ?? [])
        .flatMap(({ partitions }) => partitions)
        .map(({ partitionIndex, committedOffset }) => ({ topic, partition: partitionIndex, offset: committedOffset }))
        .filter(({ offset }) => offset >= 0n);
    },
    async close() {
      if (made !== undefined) await withinSeconds(made.close());
    },
  };
}

/** A service that keeps its configuration to itself, or a user who may not see it. */
const MAY_NOT_SAY = [
  "TOPIC_AUTHORIZATION_FAILED",
  "CLUSTER_AUTHORIZATION_FAILED",
  "UNSUPPORTED_VERSION",
  "INVALID_REQUEST",
];

/** Whether one of the errors in this one is Kafka's answer of that name. */
export function says(error: unknown, answers: readonly string[]): boolean {
  const { apiId, errors, cause } = (error ?? {}) as { apiId?: unknown; errors?: unknown[]; cause?: unknown };
  if (typeof apiId === "string" && answers.includes(apiId)) return true;
  return [...(Array.isArray(errors) ? errors : []), cause].some((one) => one !== undefined && says(one, answers));
}
