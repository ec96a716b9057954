import type { Checkpoint, CheckpointStore, PartitionOwnership } from "@azure/event-hubs";

type Place = Pick<Checkpoint, "fullyQualifiedNamespace" | "eventHubName" | "consumerGroup">;

const nameOf = (place: Place) =>
  JSON.stringify([place.fullyQualifiedNamespace, place.eventHubName, place.consumerGroup]);

/** A checkpoint store as somebody may write one, in memory: like the SDK's blob store it claims by ETag and writes positions unconditionally. */
export function memoryStore(): CheckpointStore {
  const ownerships = new Map<string, PartitionOwnership>();
  const positions = new Map<string, Checkpoint>();
  let etags = 0;
  const keyOf = (item: Place & { partitionId: string }) => `${nameOf(item)}/${item.partitionId}`;
  const of = <T extends Place>(
    items: Iterable<T>,
    fullyQualifiedNamespace: string,
    eventHubName: string,
    consumerGroup: string,
  ) => {
    const wanted = nameOf({ fullyQualifiedNamespace, eventHubName, consumerGroup });
    return [...items].filter((item) => nameOf(item) === wanted).map((item) => ({ ...item }));
  };
  return {
    listOwnership: async (namespace, hub, group) => of(ownerships.values(), namespace, hub, group),
    claimOwnership: async (wanted) =>
      wanted.flatMap((claim) => {
        const key = keyOf(claim);
        if (ownerships.get(key)?.etag !== claim.etag) return [];
        const owned = { ...claim, etag: String(++etags), lastModifiedTimeInMs: Date.now() };
        ownerships.set(key, owned);
        return [{ ...owned }];
      }),
    updateCheckpoint: async (checkpoint) => void positions.set(keyOf(checkpoint), { ...checkpoint }),
    listCheckpoints: async (namespace, hub, group) => of(positions.values(), namespace, hub, group),
  };
}
