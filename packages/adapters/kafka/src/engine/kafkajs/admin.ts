import kafkajs, { type Admin } from "kafkajs";
import type { Settings } from "../../options.ts";
import type { EngineAdmin } from "../engine.ts";
import { createClient, RETRY } from "./client.ts";
import { countLeaderless } from "./leaderless.ts";

/**
 * One client for all questions, made when the first is asked, and replaced after one that the broker did not answer: kafkajs asks on over a connection that
 * carries nothing more, for as long as nobody ends it.
 */
export function createAdmin(settings: Settings): EngineAdmin {
  let connecting: Promise<Connected> | undefined;
  const connected = (): Promise<Connected> => {
    connecting ??= connect(settings).catch((error: unknown) => {
      connecting = undefined;
      throw error;
    });
    return connecting;
  };
  const ask = async <T>(question: (admin: Admin) => Promise<T>): Promise<T> => {
    const asked = connected();
    try {
      return await question((await asked).admin);
    } catch (error) {
      if (typeOf(error) === undefined && connecting === asked) {
        connecting = undefined;
        asked.then(({ end }) => end()).catch(() => undefined);
      }
      throw error;
    }
  };

  const partitionCount = async (topic: string): Promise<number | undefined> => {
    try {
      const { topics } = await ask((admin) => admin.fetchTopicMetadata({ topics: [topic] }));
      return topics[0]?.partitions.length;
    } catch (error) {
      if (typeOf(error) === "UNKNOWN_TOPIC_OR_PARTITION") return undefined;
      throw error;
    }
  };

  /** What kafkajs knows of a topic may be five minutes old, and only a new client asks again. */
  const ofEveryPartition = async <T>(topic: string, question: (admin: Admin) => Promise<T[]>): Promise<T[]> => {
    let found = await ask(question);
    const count = (await partitionCount(topic)) ?? 0;
    for (let attempt = 1; found.length < count && attempt <= KNOWING_TRIES; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, KNOWING_PAUSE_MS));
      const { admin, end } = await connect(settings);
      found = await question(admin).finally(end);
    }
    return found;
  };

  return {
    async ping() {
      await ask((admin) => admin.describeCluster());
    },
    async topics() {
      return ask((admin) => admin.listTopics());
    },
    partitionCount,
    async maxMessageBytes(topic) {
      try {
        const { resources } = await ask((admin) =>
          admin.describeConfigs({
            includeSynonyms: false,
            resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: ["max.message.bytes"] }],
          }),
        );
        const value = Number(resources[0]?.configEntries[0]?.configValue);
        return value > 0 ? value : undefined;
      } catch (error) {
        if (MAY_NOT_SAY.has(typeOf(error))) return undefined;
        throw error;
      }
    },
    async createTopic({ topic, partitions = -1, replicationFactor = -1 }) {
      await ask((admin) =>
        admin.createTopics({
          topics: [{ topic, numPartitions: partitions, replicationFactor }],
          timeout: settings.requestTimeoutMs,
          // kafkajs asks once, and takes a broker that has not heard of the topic yet for an error.
          waitForLeaders: false,
        }),
      );
    },
    async deleteTopic(topic) {
      await ask((admin) => admin.deleteTopics({ topics: [topic], timeout: settings.requestTimeoutMs }));
    },
    async ranges(topic) {
      const offsets = await ofEveryPartition(topic, (admin) => offsetsOf(admin, topic));
      return offsets.map(({ partition, low, high }) => ({ partition, low: BigInt(low), high: BigInt(high) }));
    },
    async committed(groupId, topic) {
      const found = await ofEveryPartition(topic, async (admin) => {
        const [answer] = await admin.fetchOffsets({ groupId, topics: [topic] });
        return answer?.partitions ?? [];
      });
      return found
        .filter(({ offset }) => offset !== NO_POSITION)
        .map(({ partition, offset }) => ({ topic, partition, offset: offset === OLDEST ? 0n : BigInt(offset) }));
    },
    async close() {
      const made = await connecting?.catch(() => undefined);
      await made?.end();
    },
  };
}

/** What brokers answer of a partition that the group has no position in. */
const NO_POSITION = "-1";
/** What kafkajs's own consumers commit as a position where the broker does not have theirs. */
const OLDEST = "-2";

/** Of partitions that have just been made. */
const KNOWING_TRIES = 10;
const KNOWING_PAUSE_MS = 100;

interface Connected {
  readonly admin: Admin;
  /** Idempotent; resolves within seconds. */
  end(): Promise<void>;
}

async function connect(settings: Settings): Promise<Connected> {
  const client = createClient(settings, { metadata: countLeaderless });
  const admin = client.kafka.admin({ retry: RETRY });
  const end = () => client.end(admin.disconnect());
  try {
    await admin.connect();
    return { admin, end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function offsetsOf(admin: Admin, topic: string) {
  try {
    return await admin.fetchTopicOffsets(topic);
  } catch (error) {
    // What kafkajs does where it knows of no partition yet.
    if (namesOf(error).includes("TypeError")) return [];
    throw error;
  }
}

/** A service that keeps its configuration to itself, or a user who may not see it. */
const MAY_NOT_SAY: ReadonlySet<unknown> = new Set([
  "TOPIC_AUTHORIZATION_FAILED",
  "CLUSTER_AUTHORIZATION_FAILED",
  "UNSUPPORTED_VERSION",
  "INVALID_REQUEST",
]);

function namesOf(error: unknown): unknown[] {
  const { name, cause } = error as { name?: unknown; cause?: unknown };
  return typeof cause === "object" && cause !== null ? [name, ...namesOf(cause)] : [name];
}

/** Of the protocol error, which may lie below what says that it was retried. */
function typeOf(error: unknown): unknown {
  for (let next = error; typeof next === "object" && next !== null; next = (next as { cause?: unknown }).cause) {
    const { type, errors } = next as { type?: unknown; errors?: readonly unknown[] };
    if (type !== undefined) return type;
    if (errors?.[0] !== undefined) return typeOf(errors[0]);
  }
  return undefined;
}
