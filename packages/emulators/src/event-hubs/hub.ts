import { join } from "node:path";
import type { Clock } from "../clock.ts";
import { invalidPartition } from "./conditions.ts";
import type { EventMessage } from "./event-message.ts";
import { checkGroupName, type HubSettings } from "./hub-settings.ts";
import { Partition } from "./partition.ts";
import { partitionOfKey } from "./partition-hash.ts";

/** An event hub. */
export class Hub {
  readonly settings: HubSettings;
  readonly createdAt: number;
  readonly partitions: readonly Partition[];
  private turn = 0;

  constructor(settings: HubSettings, clock: Clock, folder: string | undefined) {
    this.settings = settings;
    this.createdAt = clock.now();
    this.partitions = Array.from(
      { length: settings.partitionCount },
      (_, at) => new Partition(String(at), settings, clock, folder && join(folder, String(at))),
    );
  }

  /** Throws the service's error when there is no such partition. */
  partition(id: string): Partition {
    const found = this.partitions.find((partition) => partition.id === id);
    if (found === undefined) throw invalidPartition(this.partitions.length);
    return found;
  }

  /** Does nothing when it is there. Throws an argument error for a name that is none. */
  addConsumerGroup(group: string): void {
    checkGroupName(group, this.settings.name);
    for (const partition of this.partitions) partition.addGroup(group);
  }

  /** Appends the events of one transfer, all to one partition: of the key, else the next one's turn. */
  append(events: readonly EventMessage[], partition: Partition | undefined): void {
    (partition ?? this.choose(events[0]?.partitionKey)).append(events);
  }

  close(): void {
    for (const partition of this.partitions) partition.close();
  }

  private choose(key: string | undefined): Partition {
    if (key !== undefined) return this.partitions[partitionOfKey(key, this.partitions.length)]!;
    this.turn = (this.turn + 1) % this.partitions.length;
    return this.partitions[this.turn]!;
  }
}
