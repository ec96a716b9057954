import type { WireMessage } from "@waybill/core/spi";
import { Heap } from "./heap.ts";
import { Partition } from "./partition.ts";
import type { Wake } from "./wake.ts";

interface Scheduled {
  readonly atMs: number;
  readonly order: number;
  readonly message: WireMessage;
}

/** A group, as a log knows it. */
export interface LogReader {
  readonly wake: Wake;
  /** Everything of the partition before this offset is done. */
  committedOf(partition: Partition): number;
}

/**
 * A topic that is read, not emptied: partitions chosen by the key's hash, and the groups that read them. What every group has committed is
 * forgotten, but for the last `retain` messages of a partition; without any group everything is kept for the first one.
 */
export class Log {
  readonly name: string;
  readonly partitions: readonly Partition[];
  readonly groups = new Set<LogReader>();
  readonly #retain: number;
  readonly #scheduled = new Heap<Scheduled>((a, b) => a.atMs - b.atMs || a.order - b.order);
  #order = 0;
  #keyless = 0;

  constructor(name: string, partitions: number, retain: number) {
    this.name = name;
    this.partitions = Array.from({ length: partitions }, (_, index) => new Partition(index));
    this.#retain = retain;
  }

  get scheduled(): number {
    return this.#scheduled.length;
  }

  get nextDueMs(): number {
    return this.#scheduled.peek()?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** The lane that a key's messages take; keyless ones take turns. */
  partitionOf(key: string | undefined): number {
    const count = this.partitions.length;
    return key === undefined ? this.#keyless++ % count : hashKey(key) % count;
  }

  append(message: WireMessage, partition: number): void {
    this.partitions[partition]!.append(message);
  }

  schedule(message: WireMessage, atMs: number): void {
    this.#scheduled.push({ atMs, order: this.#order++, message });
  }

  /** Appends what has fallen due. */
  promote(nowMs: number): void {
    while (this.nextDueMs <= nowMs) {
      const { message } = this.#scheduled.pop()!;
      this.append(message, this.partitionOf(message.key));
    }
  }

  wake(): void {
    for (const group of this.groups) group.wake.wake();
  }

  /** Forgets what every group has committed of one partition. */
  trim(partition: Partition): void {
    let offset = partition.end - this.#retain;
    for (const group of this.groups) offset = Math.min(offset, group.committedOf(partition));
    partition.trim(offset);
  }
}

/** FNV-1a over the UTF-16 units: the same for every process, spread well enough for lanes. */
export function hashKey(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) {
    hash ^= key.charCodeAt(index);
    hash = Math.imul(hash, 0x01000193);
  }
  return (hash ^ (hash >>> 15)) >>> 0;
}
