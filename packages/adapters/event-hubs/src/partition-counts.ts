import type { HubInfo } from "./admin.ts";

/**
 * How many partitions each hub has, asked once and kept: a hub to which partitions are added moves most keys to other ones, and events of a key that are
 * still to be handled in the old one would be passed by those that follow. So no key moves while this process publishes.
 */
export function createPartitionCounts(infoOf: (hub: string) => Pick<HubInfo, "partitionIds">) {
  const counts = new Map<string, number>();
  return async (hub: string, signal?: AbortSignal): Promise<number> => {
    const known = counts.get(hub);
    if (known !== undefined) return known;
    const { length } = await infoOf(hub).partitionIds(signal);
    const count = counts.get(hub) ?? length;
    counts.set(hub, count);
    return count;
  };
}
