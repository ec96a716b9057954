import type { Backlog } from "@waybill/core/spi";
import type { HubInfo } from "./admin.ts";
import type { Position } from "./positions.ts";

/** Events of one hub behind a group's positions: what is left after retention has taken its share. */
export async function hubBacklog(info: HubInfo, positions: ReadonlyMap<string, Position>): Promise<Backlog> {
  const partitionIds = await info.partitionIds();
  const counts = await Promise.all(
    partitionIds.map(async (id) => {
      const { isEmpty, beginningSequenceNumber, lastEnqueuedSequenceNumber } = await info.properties(id);
      if (isEmpty) return 0;
      const done = Math.max(beginningSequenceNumber - 1, positions.get(id)?.sequenceNumber ?? Number.NEGATIVE_INFINITY);
      return Math.max(0, lastEnqueuedSequenceNumber - done);
    }),
  );
  return { events: counts.reduce((sum, count) => sum + count, 0) };
}
