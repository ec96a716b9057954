import { kafkaErrors } from "../../errors.ts";
import type { Settings } from "../../options.ts";
import type { ConsumerOptions, EngineConsumer, Position, TopicPartition } from "../engine.ts";
import { createPulse } from "../pulse.ts";
import { says } from "./admin.ts";
import { clientOptions, METADATA_MAX_AGE_MS } from "./client-options.ts";
import { watchConnections } from "./connections.ts";
import { type FetchLoops, startFetchLoops } from "./fetch-loops.ts";
import { keepLeaderless } from "./keep-leaderless.ts";
import { leaveRecords } from "./leave-records.ts";
import type { Library } from "./library.ts";

const REJOIN_PAUSE_MS = 100;
const REJOIN = ["REBALANCE_IN_PROGRESS", "ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID", "MEMBER_ID_REQUIRED"];

/**
 * A member whose heartbeats run by themselves in the library, and whose reading is ours. Two clients: a fetch waits at the broker, and on one
 * connection everything would wait behind it. Neither commits by itself, nor joins anew within a commit: that one would commit for partitions that
 * have moved meanwhile.
 */
export async function openConsumer(
  library: Library,
  settings: Settings,
  options: ConsumerOptions,
): Promise<EngineConsumer> {
  const { groupId } = options;
  const client = { ...clientOptions(settings), groupId, autocommit: false, retries: 0 };
  const member = new library.Consumer({
    ...client,
    // The broker answers a join when the slowest member has joined. The library would end the connection at the time of any other request, and with it a group's
    // next coming together; a broker that is silent otherwise is the pulse's to notice.
    requestTimeout: settings.rebalanceTimeoutMs + settings.requestTimeoutMs,
    sessionTimeout: settings.sessionTimeoutMs,
    rebalanceTimeout: settings.rebalanceTimeoutMs,
    heartbeatInterval: settings.heartbeatIntervalMs,
  });
  const fetcher = new library.Consumer(client);
  leaveRecords(library, fetcher);
  keepLeaderless(library, fetcher);
  const connections = { member: watchConnections(member), fetcher: watchConnections(fetcher) };
  const paused = new Set<string>();
  const firstRead = Promise.withResolvers<void>();
  firstRead.promise.catch(() => undefined);
  let over: { readonly error: unknown } | undefined;
  let closing: Promise<void> | undefined;
  let loops: FetchLoops | undefined;
  let memberId: string | undefined;
  let joins = 0;
  let partitionCount: number | undefined;

  const end = () => {
    pulse.stop();
    clearInterval(growth);
    loops?.stop();
    closing ??= Promise.all([
      connections.fetcher.end(fetcher.close(true)),
      connections.member.end(member.close(true)),
    ]).then(ignore);
    return closing;
  };
  const fail = (error: unknown) => {
    if (over !== undefined || closing !== undefined) return;
    over = { error };
    void end();
    firstRead.reject(error);
    options.failed(error);
  };
  const pulse = createPulse(settings, () =>
    fail(kafkaErrors.WB_KAFKA_STALLED({ group: groupId, sessionTimeoutMs: settings.sessionTimeoutMs })),
  );

  const begin = async (join: number, partitions: readonly TopicPartition[], isNewMember: boolean) => {
    const isCurrent = () => join === joins && closing === undefined;
    const starts = await options.assigned(partitions, isNewMember);
    const toCommit = starts.filter(({ isNew }) => isNew);
    if (toCommit.length > 0 && isCurrent()) await commit(toCommit);
    if (!isCurrent()) return;
    loops = startFetchLoops(
      {
        fetcher,
        topics: options.topics,
        isPaused: (one) => paused.has(keyOf(one)),
        records: (batch) => (isCurrent() ? options.records(batch) : Promise.resolve()),
        failed: fail,
        unread: (unread, error) => {
          if (isCurrent())
            options.troubled(kafkaErrors.WB_KAFKA_UNREAD({ group: groupId, partitions: unread.map(keyOf) }, error));
        },
      },
      starts,
    );
    firstRead.resolve();
  };

  const commit = (positions: readonly Position[]) =>
    member.commit({
      offsets: positions.map(({ topic, partition, offset }) => ({ topic, partition, offset, leaderEpoch: -1 })),
    });

  /** The library joins once; a group that keeps changing takes more. */
  const join = async () => {
    for (;;) {
      try {
        await connections.member.told(member.joinGroup({}));
        return;
      } catch (error) {
        if (closing !== undefined || !says(error, REJOIN)) throw error;
        await new Promise((resolve) => setTimeout(resolve, REJOIN_PAUSE_MS));
      }
    }
  };

  /** The classic protocol gives new partitions to nobody before somebody joins anew. */
  const growth = setInterval(() => {
    fetcher.metadata({ topics: [...options.topics], forceUpdate: true }).then(({ topics }) => {
      const count = [...topics.values()].reduce((sum, { partitionsCount }) => sum + partitionsCount, 0);
      const grew = partitionCount !== undefined && count > partitionCount;
      partitionCount = count;
      if (grew && closing === undefined) join().catch(fail);
    }, ignore);
  }, METADATA_MAX_AGE_MS);
  growth.unref();

  member.on("consumer:heartbeat:end", pulse.beat);
  member.on("consumer:group:rebalance", pulse.rebalancing);
  // It tried to join anew, after a heartbeat told it to, and did not get in.
  member.on("error", (error: unknown) => {
    if (closing === undefined && says(error, REJOIN)) join().catch(fail);
    else fail(error);
  });
  fetcher.on("error", ignore);
  member.on("consumer:group:join", ({ memberId: id, assignments }) => {
    pulse.beat();
    loops?.stop();
    const partitions = (assignments ?? []).flatMap(({ topic, partitions: list }) =>
      list.map((partition) => ({ topic, partition })),
    );
    const isNewMember = id !== memberId;
    memberId = id;
    joins++;
    const mine = joins;
    begin(mine, partitions, isNewMember).catch((error: unknown) => {
      // A group that comes together once more meanwhile takes no commit; the next join begins again.
      if (mine === joins && !says(error, REJOIN)) fail(error);
    });
  });

  const giveUp = () => {
    firstRead.reject(kafkaErrors.WB_KAFKA_ENDED({ group: groupId }));
    void end();
  };
  options.signal.addEventListener("abort", giveUp, { once: true });
  try {
    options.signal.throwIfAborted();
    member.topics.trackAll(...options.topics);
    fetcher.topics.trackAll(...options.topics);
    await join();
    await firstRead.promise;
  } catch (error) {
    await end();
    throw error;
  } finally {
    options.signal.removeEventListener("abort", giveUp);
  }

  return {
    pause: (partition) => void paused.add(keyOf(partition)),
    resume(partition) {
      paused.delete(keyOf(partition));
      loops?.wake();
    },
    async commit(positions) {
      if (over !== undefined) throw over.error;
      if (closing !== undefined || member.memberId === null) throw kafkaErrors.WB_KAFKA_ENDED({ group: groupId });
      await commit(positions);
    },
    close: end,
  };
}

const keyOf = ({ topic, partition }: TopicPartition) => `${topic}/${partition}`;
const ignore = () => undefined;
