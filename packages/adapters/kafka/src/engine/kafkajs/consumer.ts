import type { EachBatchPayload } from "kafkajs";
import { kafkaErrors } from "../../errors.ts";
import type { Settings } from "../../options.ts";
import type { ConsumerOptions, EngineConsumer, Position, TopicPartition } from "../engine.ts";
import { createPulse } from "../pulse.ts";
import { createClient, METADATA_MAX_AGE_MS, RETRY } from "./client.ts";
import { KafkajsBatch } from "./fetched-batch.ts";

/** A fetch waits this long for something to come: also what `disconnect` and a resumed partition may have to wait for. */
const MAX_WAIT_MS = 250;
const MAX_BYTES_PER_PARTITION = 1_048_576;
/** Batches handled side by side: more than a member has partitions, for none may wait for another. */
const CONCURRENT_PARTITIONS = 512;

/** What this member has since its last join. */
interface Assignment {
  readonly memberId: string;
  readonly partitions: readonly TopicPartition[];
  /** Its start positions are set. Batches that come before were fetched from elsewhere. */
  isReading: boolean;
}

/**
 * A member that never restarts itself: whatever ends it, kafkajs is told not to try again, and `failed` is called. Nothing that happens in a
 * handler reaches kafkajs, whose own error handling would end the consumer or use up its lifetime of retries.
 */
export async function openConsumer(settings: Settings, options: ConsumerOptions): Promise<EngineConsumer> {
  const { groupId } = options;
  const client = createClient(settings);
  const consumer = client.kafka.consumer({
    groupId,
    sessionTimeout: settings.sessionTimeoutMs,
    rebalanceTimeout: settings.rebalanceTimeoutMs,
    heartbeatInterval: settings.heartbeatIntervalMs,
    maxWaitTimeInMs: MAX_WAIT_MS,
    maxBytesPerPartition: MAX_BYTES_PER_PARTITION,
    metadataMaxAge: METADATA_MAX_AGE_MS,
    allowAutoTopicCreation: false,
    retry: { ...RETRY, restartOnFailure: async () => false },
  });
  const paused = new Set<string>();
  const firstRead = Promise.withResolvers<void>();
  firstRead.promise.catch(() => undefined);
  let over: { readonly error: unknown } | undefined;
  let closing: Promise<void> | undefined;
  let now: Assignment | undefined;
  let runner: Pick<EachBatchPayload, "commitOffsetsIfNecessary" | "isRunning"> | undefined;

  const fail = (error: unknown) => {
    if (over !== undefined || closing !== undefined) return;
    over = { error };
    pulse.stop();
    closing = client.end(consumer.disconnect());
    firstRead.reject(error);
    options.failed(error);
  };
  const pulse = createPulse(settings, () =>
    fail(kafkaErrors.WB_KAFKA_STALLED({ group: groupId, sessionTimeoutMs: settings.sessionTimeoutMs })),
  );

  const begin = async (joined: Assignment, isNewMember: boolean) => {
    const starts = await options.assigned(joined.partitions, isNewMember);
    const toCommit = starts.filter(({ isNew }) => isNew);
    if (toCommit.length > 0 && now === joined) await consumer.commitOffsets(toCommit.map(toText));
    if (now !== joined || over !== undefined) return;
    for (const start of starts) consumer.seek(toText(start));
    joined.isReading = true;
    consumer.resume(joined.partitions.filter((one) => !paused.has(keyOf(one))).map(toTopic));
    firstRead.resolve();
  };

  consumer.on(consumer.events.HEARTBEAT, pulse.beat);
  consumer.on(consumer.events.REBALANCING, pulse.rebalancing);
  consumer.on(consumer.events.CRASH, ({ payload: { error } }) => {
    const isCodec = error.name === "KafkaJSNotImplemented";
    fail(isCodec ? kafkaErrors.WB_KAFKA_CODEC({ group: groupId, problem: error.message }, error) : error);
  });
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    pulse.beat();
    const partitions = Object.entries(payload.memberAssignment).flatMap(([topic, list]) =>
      list.map((partition) => ({ topic, partition })),
    );
    const isNewMember = payload.memberId !== now?.memberId;
    const joined: Assignment = { memberId: payload.memberId, partitions, isReading: false };
    now = joined;
    // Before the first fetch: nothing is read from where kafkajs itself would begin.
    if (partitions.length > 0) consumer.pause(partitions.map(toTopic));
    begin(joined, isNewMember).catch((error: unknown) => {
      if (now === joined) fail(error);
    });
  });

  const eachBatch = async (payload: EachBatchPayload) => {
    const { batch } = payload;
    const joined = now;
    runner = payload;
    if (joined?.isReading !== true || payload.isStale()) return;
    try {
      const last = batch.lastOffset();
      const next = BigInt(last) + 1n;
      await options.records(new KafkajsBatch(batch.topic, batch.partition, next, batch.messages));
      if (now === joined && !payload.isStale()) payload.resolveOffset(last);
    } catch (error) {
      fail(error);
    }
  };

  const giveUp = () => {
    firstRead.reject(kafkaErrors.WB_KAFKA_ENDED({ group: groupId }));
    closing ??= client.end(consumer.disconnect());
  };
  options.signal.addEventListener("abort", giveUp, { once: true });
  try {
    options.signal.throwIfAborted();
    await consumer.connect();
    await consumer.subscribe({ topics: [...options.topics], fromBeginning: true });
    // It resolves also when the join has failed: `fail` has heard of that by then.
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: CONCURRENT_PARTITIONS,
      eachBatch,
    });
    await firstRead.promise;
  } catch (error) {
    pulse.stop();
    closing ??= client.end(consumer.disconnect());
    await closing;
    throw error;
  } finally {
    options.signal.removeEventListener("abort", giveUp);
  }

  const isLive = () => now?.isReading === true && closing === undefined;
  return {
    pause(partition) {
      paused.add(keyOf(partition));
      if (isLive()) consumer.pause([toTopic(partition)]);
    },
    resume(partition) {
      paused.delete(keyOf(partition));
      if (isLive()) consumer.resume([toTopic(partition)]);
    },
    async commit(positions) {
      if (over !== undefined) throw over.error;
      // Past the end of its run, `consumer.commitOffsets` resolves without having committed anything.
      if (runner?.isRunning() !== true) throw kafkaErrors.WB_KAFKA_ENDED({ group: groupId });
      await runner.commitOffsetsIfNecessary({ topics: byTopic(positions) });
    },
    close() {
      pulse.stop();
      closing ??= client.end(consumer.disconnect());
      return closing;
    },
  };
}

const keyOf = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`;
const toTopic = ({ topic, partition }: TopicPartition) => ({ topic, partitions: [partition] });
const toText = ({ topic, partition, offset }: Position) => ({ topic, partition, offset: String(offset) });

function byTopic(positions: readonly Position[]) {
  const topics = new Map<string, { partition: number; offset: string }[]>();
  for (const { topic, partition, offset } of positions) {
    const partitions = topics.get(topic) ?? [];
    partitions.push({ partition, offset: String(offset) });
    topics.set(topic, partitions);
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }));
}
