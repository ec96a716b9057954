import type { ClusterMetadata, Consumer, FetchOptions, RecordsBatch } from "@platformatic/kafka";
import type { FetchedBatch, Position, TopicPartition } from "../engine.ts";
import { says } from "./admin.ts";
import type { UnreadRecords } from "./fetch-response.ts";
import { PlatformaticBatch } from "./fetched-batch.ts";

/** Of the library's answer, which it does not export. */
interface FetchResponse {
  readonly responses: readonly {
    readonly topicId: string;
    readonly partitions: readonly {
      readonly partitionIndex: number;
      readonly records?: RecordsBatch[] | UnreadRecords | null;
    }[];
  }[];
}

const MAX_WAIT_MS = 250;
const MAX_BYTES_PER_PARTITION = 1_048_576;
const MAX_BYTES = 10_485_760;
const PAUSE_AFTER_ERROR_MS = 250;
const CHECK_MS = 1_000;
/** A leader is elected in less, where there is one to elect. Counted in checks: a busy event loop, which reads nothing either, does not count. */
const UNREAD_CHECKS = 5;
/** Answers after which there is no going on from here. */
const FATAL = ["OFFSET_OUT_OF_RANGE", "UNKNOWN_TOPIC_OR_PARTITION", "UNKNOWN_TOPIC_ID", "TOPIC_AUTHORIZATION_FAILED"];

export interface FetchLoopsOptions {
  readonly fetcher: Consumer;
  readonly topics: readonly string[];
  readonly isPaused: (partition: TopicPartition) => boolean;
  readonly records: (batch: FetchedBatch) => Promise<void>;
  readonly failed: (error: unknown) => void;
  /** These have not been read from for some seconds, though they should be; told again while it lasts. Reading them goes on being tried. */
  readonly unread: (partitions: readonly TopicPartition[], error: unknown) => void;
}

export interface FetchLoops {
  stop(): void;
  /** A partition was resumed. */
  wake(): void;
}

/**
 * Reads what one assignment gives, a loop for each broker that leads some of it. The library's own stream can only be paused as a whole, and
 * then one stuck partition would hold up all.
 */
export function startFetchLoops(options: FetchLoopsOptions, starts: readonly Position[]): FetchLoops {
  const { fetcher, topics } = options;
  const next = new Map(starts.map((start) => [keyOf(start), start.offset]));
  const running = new Set<number>();
  const sleeping = new Set<() => void>();
  const missed = new Map<string, number>();
  let lastError: unknown;
  let stopped = false;

  const check = setInterval(() => {
    for (const key of next.keys()) missed.set(key, (missed.get(key) ?? 0) + 1);
    const unread = starts.filter((start) => missed.get(keyOf(start))! >= UNREAD_CHECKS);
    if (unread.length === 0) return;
    options.unread(unread, lastError);
    missed.clear();
  }, CHECK_MS);
  const reads = (partitions: readonly TopicPartition[]) => {
    for (const one of partitions) missed.delete(keyOf(one));
  };

  const sleep = (ms: number) =>
    new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        sleeping.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      sleeping.add(end);
    });
  const wake = () => {
    for (const end of [...sleeping]) end();
  };

  const deliver = async (response: FetchResponse, metadata: ClusterMetadata, asked: ReadonlySet<string>) => {
    const names = new Map([...metadata.topics].map(([name, { id }]) => [id, name]));
    const batches: FetchedBatch[] = [];
    for (const { topicId, partitions } of response.responses) {
      const topic = names.get(topicId);
      if (topic === undefined) continue;
      for (const { partitionIndex: partition, records: found } of partitions) {
        const key = keyOf({ topic, partition });
        if (found === null || found === undefined || !asked.has(key)) continue;
        if (Array.isArray(found) && found.length === 0) continue;
        const batch = new PlatformaticBatch({ topic, partition }, found);
        next.set(key, batch.next);
        batches.push(batch);
      }
    }
    await Promise.all(batches.map(options.records));
  };

  const run = async (node: number): Promise<void> => {
    let forceUpdate = false;
    while (!stopped) {
      try {
        const metadata = await fetcher.metadata({ topics: [...topics], forceUpdate });
        forceUpdate = false;
        if (!spread(metadata)) void findLeaders();
        const led = starts.filter(({ topic, partition }) => leaderOf(metadata, topic, partition) === node);
        if (led.length === 0) break;
        const wanted = led.filter((one) => !options.isPaused(one));
        reads(led.filter(options.isPaused));
        if (wanted.length === 0) await sleep(MAX_WAIT_MS);
        if (wanted.length === 0 || stopped) continue;
        const asked = new Set(wanted.map(keyOf));
        const response = await fetcher.fetch({
          node,
          topics: requestOf(metadata, wanted, next),
          maxWaitTime: MAX_WAIT_MS,
          minBytes: 1,
          maxBytes: MAX_BYTES,
        });
        reads(wanted);
        if (!stopped) await deliver(response, metadata, asked);
      } catch (error) {
        if (stopped) break;
        if (says(error, FATAL) || !canPass(error)) {
          options.failed(error);
          break;
        }
        lastError = error;
        forceUpdate = true;
        await sleep(PAUSE_AFTER_ERROR_MS);
      }
    }
    running.delete(node);
  };

  /** Has each leader read from. False where a partition has none. */
  const spread = (metadata: ClusterMetadata): boolean => {
    let hasAll = true;
    for (const { topic, partition } of starts) {
      const leader = leaderOf(metadata, topic, partition) ?? -1;
      if (leader < 0) hasAll = false;
      else if (!running.has(leader)) {
        running.add(leader);
        void run(leader);
      }
    }
    return hasAll;
  };
  let isFinding = false;
  const findLeaders = async () => {
    if (isFinding) return;
    isFinding = true;
    while (!stopped) {
      try {
        if (spread(await fetcher.metadata({ topics: [...topics], forceUpdate: true }))) break;
      } catch (error) {
        if (stopped) return;
        if (!canPass(error)) return options.failed(error);
        lastError = error;
      }
      await sleep(PAUSE_AFTER_ERROR_MS);
    }
    isFinding = false;
  };
  if (starts.length > 0) void findLeaders();

  return {
    stop() {
      stopped = true;
      clearInterval(check);
      wake();
    },
    wake,
  };
}

const keyOf = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`;
const leaderOf = (metadata: ClusterMetadata, topic: string, partition: number) =>
  metadata.topics.get(topic)?.partitions[partition]?.leader;

/** Of the network or a leader that moved; not of what we did wrong or cannot read. */
function canPass(error: unknown): boolean {
  const { code, errors, canRetry } = (error ?? {}) as { code?: unknown; errors?: unknown[]; canRetry?: unknown };
  if (Array.isArray(errors) && errors.length > 0) return errors.every(canPass);
  if (canRetry === true) return true;
  return code === "PLT_KFK_NETWORK" || code === "PLT_KFK_TIMEOUT" || isLeaderGone(error);
}

/** What the library makes of a broker that has left the cluster since its loop looked. */
function isLeaderGone(error: unknown): boolean {
  return String((error as { message?: unknown } | null)?.message).startsWith("Cannot find broker with node id");
}

function requestOf(
  metadata: ClusterMetadata,
  wanted: readonly TopicPartition[],
  next: ReadonlyMap<string, bigint>,
): FetchOptions<Buffer, Buffer, Buffer, Buffer>["topics"] {
  return [...Map.groupBy(wanted, ({ topic }) => topic)].map(([topic, partitions]) => ({
    topicId: metadata.topics.get(topic)!.id,
    partitions: partitions.map((one) => ({
      partition: one.partition,
      currentLeaderEpoch: -1,
      fetchOffset: next.get(keyOf(one))!,
      lastFetchedEpoch: -1,
      partitionMaxBytes: MAX_BYTES_PER_PARTITION,
    })),
  }));
}
