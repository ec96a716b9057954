import type { Checkpoint, CheckpointStore } from "@azure/event-hubs";

/** Whose positions: those of one consumer group of one hub. */
export type Place = Pick<Checkpoint, "fullyQualifiedNamespace" | "eventHubName" | "consumerGroup">;

export interface Position {
  /** -1: before the first event. */
  readonly sequenceNumber: number;
  readonly offset: string;
}

/** `ahead`: a position at or beyond this one stands there already; nothing was written. */
export type Moved = "moved" | "ahead";

/**
 * Positions that only move forwards. The SDK's own checkpoint write is unconditional, so that an owner who does not know yet that it has
 * lost its partition takes the new owner's position back.
 */
export interface Positions {
  /** By partition. */
  list(place: Place, signal: AbortSignal): Promise<ReadonlyMap<string, Position>>;
  advance(place: Place, partition: string, position: Position, signal: AbortSignal): Promise<Moved>;
  /** Only where there is none yet. */
  begin(place: Place, partition: string, position: Position, signal: AbortSignal): Promise<void>;
}

/**
 * Over any store. It has no conditional write, so each move reads first; between that read and the write another owner's move can slip in, and is
 * then taken back by what it was ahead: events come twice, none is lost.
 */
export function storePositions(store: CheckpointStore): Positions {
  const list: Positions["list"] = async (place, abortSignal) => {
    const { fullyQualifiedNamespace, eventHubName, consumerGroup } = place;
    const found = await store.listCheckpoints(fullyQualifiedNamespace, eventHubName, consumerGroup, { abortSignal });
    return new Map(found.map(({ partitionId, sequenceNumber, offset }) => [partitionId, { sequenceNumber, offset }]));
  };
  return {
    list,
    async advance(place, partition, position, abortSignal) {
      const there = (await list(place, abortSignal)).get(partition);
      if (there !== undefined && there.sequenceNumber >= position.sequenceNumber) return "ahead";
      await store.updateCheckpoint({ ...place, ...position, partitionId: partition }, { abortSignal });
      return "moved";
    },
    async begin(place, partition, position, abortSignal) {
      if ((await list(place, abortSignal)).has(partition)) return;
      await store.updateCheckpoint({ ...place, ...position, partitionId: partition }, { abortSignal });
    },
  };
}
