import type { Clock, Timer } from "../clock.ts";
import type { EventMessage } from "./event-message.ts";
import type { HubSettings } from "./hub-settings.ts";
import { Producers } from "./idempotent-producers.ts";
import { PartitionLog } from "./log/partition-log.ts";
import { SegmentFolder } from "./log/segment-file.ts";
import { Readers } from "./readers.ts";

/** Old events are removed at least this often while there are any; whoever looks sees them removed at once. */
const SWEEP_MS = 1_000;

interface GroupReaders {
  readonly group: string;
  readonly readers: Readers;
}

/** One partition of a hub: its log, and who reads it in which consumer group. */
export class Partition {
  readonly id: string;
  readonly producers: Producers;
  private readonly events: PartitionLog;
  private readonly clock: Clock;
  private readonly byGroup = new Map<string, GroupReaders>();
  private readonly listeners = new Set<() => void>();
  private sweep: Timer | undefined;

  constructor(id: string, settings: HubSettings, clock: Clock, folder: string | undefined) {
    this.id = id;
    this.clock = clock;
    this.producers = new Producers(clock.now());
    this.events = new PartitionLog(settings, folder === undefined ? undefined : new SegmentFolder(folder));
    for (const group of settings.consumerGroups) this.addGroup(group);
    this.trim();
  }

  /** As it is now, without what is too old. */
  get log(): PartitionLog {
    this.events.trim(this.clock.now());
    return this.events;
  }

  /** Does nothing when it is there. */
  addGroup(group: string): void {
    const key = group.toLowerCase();
    if (!this.byGroup.has(key)) this.byGroup.set(key, { group, readers: new Readers() });
  }

  /** Undefined: there is no such consumer group. */
  readersOf(group: string): Readers | undefined {
    return this.byGroup.get(group.toLowerCase())?.readers;
  }

  *groups(): Generator<GroupReaders> {
    yield* this.byGroup.values();
  }

  append(events: readonly EventMessage[]): void {
    this.events.append(events, this.clock.now());
    if (this.sweep === undefined) this.trim();
    for (const listener of [...this.listeners]) listener();
  }

  /** Called after every append, until the returned function is called. */
  onAppend(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  close(): void {
    this.sweep?.cancel();
    this.events.close();
  }

  private trim(): void {
    const now = this.clock.now();
    const next = this.events.trim(now);
    this.sweep = next === undefined ? undefined : this.clock.at(Math.max(next, now) + SWEEP_MS, () => this.trim());
  }
}
