import type { Settings } from "../../options.ts";
import type { EngineAdmin } from "../engine.ts";
import { clientOptions } from "./client-options.ts";
import { type Connections, watchConnections } from "./connections.ts";
import type { Library } from "./library.ts";

/** By the protocol: the config resource "topic", and the timestamps that stand for the ends of a partition. */
const TOPIC_RESOURCE = 2 as const;
const EARLIEST = -2n;
const LATEST = -1n;
/** What brokers answer of a partition that the group has no position in. */
const NO_POSITION = -1n;
/** What kafkajs's consumers commit as a position where the broker does not have theirs. */
const OLDEST = -2n;

/** One client for all questions. It connects when the first is asked. */
export function createAdmin(library: Library, settings: Settings): EngineAdmin {
  type Admin = InstanceType<Library["Admin"]>;
  let made: { readonly admin: Admin; readonly connections: Connections } | undefined;
  const ask = <T>(question: (admin: Admin) => Promise<T>): Promise<T> => {
    if (made === undefined) {
      const admin = new library.Admin(clientOptions(settings));
      made = { admin, connections: watchConnections(admin) };
    }
    return made.connections.told(question(made.admin));
  };

  const partitionCount = async (topic: string): Promise<number | undefined> => {
    try {
      const { topics } = await ask((admin) => admin.metadata({ topics: [topic], forceUpdate: true, retries: 0 }));
      return topics.get(topic)?.partitionsCount;
    } catch (error) {
      if (isUnknownTopic(error)) return undefined;
      throw error;
    }
  };

  const ends = async (topic: string, count: number, timestamp: bigint): Promise<Map<number, bigint>> => {
    const partitions = Array.from({ length: count }, (_, partitionIndex) => ({ partitionIndex, timestamp }));
    const [found] = await ask((admin) => admin.listOffsets({ topics: [{ name: topic, partitions }] }));
    return new Map(found?.partitions.map(({ partitionIndex, offset }) => [partitionIndex, offset]));
  };

  return {
    async ping() {
      await ask((admin) => admin.metadata({ topics: [], forceUpdate: true }));
    },
    topics: () => ask((admin) => admin.listTopics({ includeInternals: false })),
    partitionCount,
    async maxMessageBytes(topic) {
      try {
        const resources = [
          { resourceType: TOPIC_RESOURCE, resourceName: topic, configurationKeys: ["max.message.bytes"] },
        ];
        const [found] = await ask((admin) => admin.describeConfigs({ resources }));
        const value = Number(found?.configs[0]?.value);
        return value > 0 ? value : undefined;
      } catch (error) {
        if (says(error, MAY_NOT_SAY)) return undefined;
        throw error;
      }
    },
    async createTopic({ topic, partitions = -1, replicationFactor = -1 }) {
      try {
        await ask((admin) => admin.createTopics({ topics: [topic], partitions, replicas: replicationFactor }));
      } catch (error) {
        if (!says(error, ["TOPIC_ALREADY_EXISTS"])) throw error;
      }
    },
    async deleteTopic(topic) {
      await ask((admin) => admin.deleteTopics({ topics: [topic] }));
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
      const [group] = await ask((admin) => admin.listConsumerGroupOffsets({ groups: [{ groupId, topics }] }));
      return (group?.topics ?? [])
        .flatMap(({ partitions }) => partitions)
        .filter(({ committedOffset }) => committedOffset !== NO_POSITION)
        .map(({ partitionIndex, committedOffset: offset }) => ({
          topic,
          partition: partitionIndex,
          offset: offset === OLDEST ? 0n : offset,
        }));
    },
    async close() {
      await made?.connections.end(made.admin.close());
    },
  };
}

/** What the library makes of the broker's UNKNOWN_TOPIC_OR_PARTITION; other errors of that code are about how it was asked. */
function isUnknownTopic(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return code === "PLT_KFK_USER" && String(message).startsWith("Unknown topic");
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
