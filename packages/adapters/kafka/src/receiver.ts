import { done, type Outcome, type Receiver, type Settlement, unlessAborted } from "@waybill/core/spi";
import { receiverCapabilities } from "./capabilities.ts";
import { classify, failedCall, isCoordinatorLoading, isExpelled } from "./classify.ts";
import type {
  EngineConsumer,
  FetchedBatch,
  KafkaEngine,
  Position,
  StartPosition,
  TopicPartition,
} from "./engine/engine.ts";
import { kafkaErrors } from "./errors.ts";
import { KafkaDelivery, laneOf, Partition } from "./partitions.ts";
import { Prefetch } from "./prefetch.ts";

const IDLE_WAIT_MS = 1_000;
/** A broker that has just started, or has just taken the group over, reads the group's positions first and answers nothing meanwhile. */
const COORDINATOR_PATIENCE_MS = 10_000;
const COORDINATOR_PAUSE_MS = 200;

export interface ReceiverOptions {
  readonly engine: () => Promise<KafkaEngine>;
  readonly groupId: string;
  /** Physical: the topic itself, and the subscription's retry topic where there is one. */
  readonly topics: readonly string[];
  readonly returnTo: string | undefined;
  /** Where the group begins in partitions that it has no position for. `hasRead`: topics that this receiver has read before. */
  readonly positions: (
    groupId: string,
    assigned: readonly TopicPartition[],
    hasRead: ReadonlySet<string>,
  ) => Promise<readonly StartPosition[]>;
}

/** A member of the subscription's group. One that ended by itself is replaced by the next `receive`, as often as core asks. */
export async function openReceiver(options: ReceiverOptions): Promise<Receiver> {
  const { groupId } = options;
  const prefetch = new Prefetch({
    pause: (partition) => consumer?.pause(partition),
    resume: (partition) => consumer?.resume(partition),
  });
  let partitions = new Map<string, Partition>();
  /** With a topic that is deleted go the group's positions in it: made anew, it holds nothing but what the subscription has not seen. */
  const hasRead = new Set<string>();
  let consumer: EngineConsumer | undefined;
  let joining: Promise<void> | undefined;
  const closing = new AbortController();
  const isClosed = () => closing.signal.aborted;

  const lose = (gone: Iterable<Partition>) => {
    for (const partition of gone) {
      partition.lose(kafkaErrors.WB_KAFKA_LOST({ id: "*", lane: partition.lane }));
      prefetch.forget(partition);
    }
  };

  const assigned = async (now: readonly TopicPartition[], isNewMember: boolean): Promise<readonly StartPosition[]> => {
    const kept = new Map<string, Partition>();
    if (!isNewMember) {
      for (const one of now) {
        const partition = partitions.get(laneOf(one));
        if (partition !== undefined) kept.set(partition.lane, partition);
      }
    }
    // At once: whoever has them now begins at once too.
    lose([...partitions.values()].filter(({ lane }) => !kept.has(lane)));
    partitions = kept;
    const added = now.filter((one) => !kept.has(laneOf(one)));
    const starts = added.length === 0 ? [] : await options.positions(groupId, added, hasRead);
    if (partitions !== kept) return [];
    for (const { topic } of starts) hasRead.add(topic);
    const resumed = [...kept.values()].map(
      (one): StartPosition => ({ ...placeOf(one), offset: one.next, isNew: false }),
    );
    for (const start of starts) kept.set(laneOf(start), new Partition(start, start.offset));
    return [...starts, ...resumed];
  };

  const records = async (batch: FetchedBatch): Promise<void> => {
    const partition = partitions.get(laneOf(batch));
    if (partition === undefined) return;
    // The fetch may begin before what was asked for, and a member that kept a partition through a rebalance may be given again what it has in hand.
    batch.skipTo(partition.next);
    if (batch.next > partition.next) partition.next = batch.next;
    if (batch.count > 0) await prefetch.add(partition, batch);
  };

  const forget = () => {
    lose(partitions.values());
    partitions = new Map();
  };
  const ended = () => {
    consumer = undefined;
    forget();
  };

  const join = async () => {
    const untilMs = performance.now() + COORDINATOR_PATIENCE_MS;
    const { openConsumer } = await options.engine();
    for (;;) {
      try {
        let failure: { readonly error: unknown } | undefined;
        const failed = (error: unknown) => {
          failure = { error };
          const hadJoined = consumer !== undefined;
          ended();
          if (hadJoined && !isClosed()) prefetch.fail(failedCall("Receiving from", groupId, error));
        };
        const opened = await openConsumer({
          groupId,
          topics: options.topics,
          assigned,
          records,
          failed,
          troubled: (error) => prefetch.fail(error),
          signal: closing.signal,
        });
        if (failure !== undefined) throw (failure as { error: unknown }).error;
        if (isClosed()) await opened.close();
        else consumer = opened;
        return;
      } catch (error) {
        ended();
        const isLoading = isCoordinatorLoading(error) && performance.now() < untilMs && !isClosed();
        if (!isLoading) throw failedCall("Joining", groupId, error);
        await new Promise((resolve) => setTimeout(resolve, COORDINATOR_PAUSE_MS));
      }
    }
  };
  /** Joins, unless it is in or about to be. */
  const ensureJoined = (): Promise<void> => {
    if (consumer !== undefined) return Promise.resolve();
    joining ??= join().finally(() => {
      joining = undefined;
    });
    return joining;
  };

  const commit = async (positions: readonly Position[]): Promise<void> => {
    if (consumer === undefined) throw kafkaErrors.WB_KAFKA_ENDED({ group: groupId });
    const had = partitions;
    try {
      await consumer.commit(positions);
    } catch (error) {
      // The client library joins again by itself, as another member, and may have by now: what that one has is not meant.
      if (isExpelled(error) && partitions === had) forget();
      // Whether the partition is still ours shows when the group has come together: until then it is worth another try.
      if (consumer !== undefined && !isExpelled(error) && classify(error) === "lost") {
        throw kafkaErrors.WB_KAFKA_REBALANCING({ group: groupId }, error);
      }
      throw failedCall("Committing for", groupId, error);
    }
  };

  await ensureJoined();
  return {
    capabilities: receiverCapabilities,
    returnTo: options.returnTo,
    async receive(want, signal) {
      if (isClosed()) throw kafkaErrors.WB_KAFKA_CLOSED({ what: "receiver" });
      if (signal.aborted) return [];
      // Before it joins again, which may take as long as the session of a member that could not say goodbye; and not after, when all is well.
      prefetch.throwFailure();
      if (
        (await unlessAborted(
          ensureJoined().then(() => true),
          signal,
        )) === undefined ||
        isClosed()
      )
        return [];
      return prefetch.receive(
        { ...want, max: Math.min(want.max, receiverCapabilities.maxReceiveBatch) },
        signal,
        IDLE_WAIT_MS,
      );
    },
    async settle(settlements, signal) {
      if (isClosed()) throw kafkaErrors.WB_KAFKA_CLOSED({ what: "receiver" });
      const outcomes = settlements.map(refusalOf);
      const furthest = new Map<Partition, bigint>();
      for (const [index, { delivery }] of settlements.entries()) {
        if (outcomes[index] !== undefined) continue;
        const { partition, commits } = delivery as KafkaDelivery;
        if (commits > (furthest.get(partition) ?? partition.committed)) furthest.set(partition, commits);
      }
      if (furthest.size > 0) {
        const failure = await told(furthest, signal);
        if (failure !== undefined) {
          return settlements.map(({ delivery }, index) => {
            const refusal = outcomes[index];
            if (refusal !== undefined) return refusal;
            const { partition, commits } = delivery as KafkaDelivery;
            return commits <= partition.committed ? done : (lostOutcome(delivery as KafkaDelivery) ?? failure);
          });
        }
      }
      return outcomes.map((outcome) => outcome ?? done);
    },
    async close() {
      if (isClosed()) return;
      closing.abort();
      lose(partitions.values());
      // A receive that waits ends with nothing.
      prefetch.fail(kafkaErrors.WB_KAFKA_CLOSED({ what: "receiver" }));
      await joining?.catch(() => undefined);
      await consumer?.close();
      consumer = undefined;
    },
  };

  async function told(furthest: ReadonlyMap<Partition, bigint>, signal: AbortSignal): Promise<Outcome | undefined> {
    try {
      const positions = [...furthest].map(([partition, offset]) => ({ ...placeOf(partition), offset }));
      if (
        (await unlessAborted(
          commit(positions).then(() => true),
          signal,
        )) === undefined
      ) {
        throw new DOMException("The commit was given up.", "AbortError");
      }
      for (const [partition, offset] of furthest) if (offset > partition.committed) partition.committed = offset;
      return undefined;
    } catch (error) {
      return { ok: false, error };
    }
  }
}

const placeOf = ({ topic, partition }: TopicPartition) => ({ topic, partition });

function refusalOf({ kind, delivery }: Settlement): Outcome | undefined {
  if (kind !== "ack") return { ok: false, error: kafkaErrors.WB_KAFKA_UNSUPPORTED({ what: `${kind} a message` }) };
  if (!(delivery instanceof KafkaDelivery)) {
    return {
      ok: false,
      error: kafkaErrors.WB_KAFKA_LOST({ id: delivery.message.id, lane: delivery.lane ?? "no partition" }),
    };
  }
  return lostOutcome(delivery);
}

function lostOutcome({ partition, message }: KafkaDelivery): Outcome | undefined {
  if (partition.isHeld) return undefined;
  return { ok: false, error: kafkaErrors.WB_KAFKA_LOST({ id: message.id, lane: partition.lane }) };
}
