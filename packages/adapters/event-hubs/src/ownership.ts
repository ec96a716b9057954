import type { CheckpointStore, PartitionOwnership } from "@azure/event-hubs";
import type { Partitions } from "./partitions.ts";

/**
 * The store as the SDK's load balancer of one consumer sees it. It lets everything through, and learns from what passes:
 *
 * - A partition that somebody else owns by now is over here at once. The SDK itself goes on until the broker ends its link, and when its link is
 *   ended while a batch is being handed over, it opens it again and takes the partition back from its new owner.
 * - A partition that the store says is ours and that nobody here reads is shown as free. The SDK would leave it alone until
 *   its ownership ends, and read nothing from it for that minute.
 */
export function watchOwnership(
  store: CheckpointStore,
  ownerId: string,
  partitions: Partitions,
  /** Names under which this consumer owned partitions on connections that are dead. */
  former: ReadonlySet<string> = new Set(),
): CheckpointStore & Watch {
  let rounds = 0;
  let steps = 0;
  let inStore = 0;
  let released = false;

  const counted = async <T>(work: Promise<T>): Promise<T> => {
    steps++;
    inStore++;
    try {
      return await work;
    } finally {
      inStore--;
      steps++;
    }
  };

  const seen = (ownership: PartitionOwnership): PartitionOwnership => {
    const { partitionId } = ownership;
    const held = partitions.get(partitionId);
    if (ownership.ownerId !== ownerId) {
      if (held !== undefined) partitions.end(partitionId);
      return former.has(ownership.ownerId) ? { ...ownership, ownerId: "" } : ownership;
    }
    return held === undefined ? { ...ownership, ownerId: "" } : ownership;
  };

  return {
    get rounds() {
      return rounds;
    },
    get steps() {
      return steps;
    },
    get isInStore() {
      return inStore > 0;
    },
    release() {
      released = true;
    },
    async listOwnership(namespace, hub, group, options) {
      const found = await counted(store.listOwnership(namespace, hub, group, options));
      rounds++;
      return released ? found : found.map(seen);
    },
    async claimOwnership(wanted, options) {
      const got = await counted(store.claimOwnership(wanted, options));
      const gotten = new Set(got.map(({ partitionId }) => partitionId));
      for (const { partitionId, ownerId: claimant } of wanted) {
        // Lost the race for its own renewal: somebody else owns it.
        if (claimant === ownerId && !gotten.has(partitionId)) partitions.end(partitionId);
      }
      return got;
    },
    listCheckpoints: (namespace, hub, group, options) => counted(store.listCheckpoints(namespace, hub, group, options)),
    updateCheckpoint: (checkpoint, options) => store.updateCheckpoint(checkpoint, options),
  };
}

export interface Watch {
  /** How often the balancer has looked who owns what. */
  readonly rounds: number;
  /** Grows with everything that the balancer does in the store. */
  readonly steps: number;
  /** It waits for the store. */
  readonly isInStore: boolean;
  /** From here on it shows the store as it is, so that the SDK finds what it has to give up. */
  release(): void;
}
