import { Arrival, type Delivery, type Want } from "@waybill/core/spi";
import type { FetchedBatch } from "./engine/engine.ts";
import type { Partition } from "./partitions.ts";

/**
 * What may wait for core, of all partitions together, before the engine fetches no further: while core works on it, the next fetch is on its way. What that brings
 * comes on top, 10 MB at most.
 */
const MAX_RECORDS = 4_096;
const MAX_BYTES = 8 * 1_048_576;
/** What may wait of a partition that core has paused. */
const MAX_UNWANTED_RECORDS = 1_000;
const MAX_UNWANTED_BYTES = 1_048_576;
/**
 * How long the engine waits for room before the partition is paused: so long while core takes something, and no longer than that while it takes nothing. kafkajs with
 * every partition paused sleeps for a whole fetch, so a pause is for what is stuck, not for what flows.
 */
const PATIENCE_MS = 500;
const STUCK_MS = 50;

export interface PrefetchOptions {
  readonly pause: (partition: Partition) => void;
  readonly resume: (partition: Partition) => void;
}

/**
 * Between an engine that fetches megabytes and core that takes what it has room for. Records wait as they were fetched and become deliveries when core takes them:
 * what is made long before its use outlives garbage collections, and that costs more than the making.
 */
export class Prefetch {
  readonly #options: PrefetchOptions;
  /** Partitions that something waits of; whose turn is next stands first. */
  #turn: Partition[] = [];
  /** What waits of all partitions but the unwanted ones. */
  #records = 0;
  #bytes = 0;
  /** Partitions that core had paused when it last asked. */
  readonly #unwanted = new Set<Partition>();
  /** Partitions that the engine does not fetch. */
  readonly #paused = new Set<Partition>();
  #taken = 0;
  readonly #arrival = new Arrival();
  #waitingForRoom: (() => void)[] = [];
  #failure: { readonly error: unknown } | undefined;

  constructor(options: PrefetchOptions) {
    this.#options = options;
  }

  /** Takes a batch in that has a record. Resolves when the engine may fetch on: there is room, or the partition is paused. */
  async add(partition: Partition, batch: FetchedBatch): Promise<void> {
    if (partition.records === 0) this.#turn.push(partition);
    const { records, bytes } = partition;
    partition.add(batch);
    if (!this.#unwanted.has(partition)) this.#count(partition.records - records, partition.bytes - bytes);
    this.#arrival.tell();
    if (this.#hasRoom(partition)) return;
    await this.#patience(partition);
    if (this.#hasRoom(partition) || partition.records === 0) return;
    this.#paused.add(partition);
    this.#options.pause(partition);
  }

  /** Waits up to `waitMs` for something that core wants. Throws what `fail` was told. */
  async receive(want: Want, signal: AbortSignal, waitMs: number): Promise<readonly Delivery[]> {
    const now = this.#take(want);
    if (now.length > 0 || signal.aborted) return now;
    await this.#arrival.wait(signal, waitMs);
    return signal.aborted ? [] : this.#take(want);
  }

  /** An error of the engine's background work: the next `receive` throws it, so that core sees it and backs off. */
  fail(error: unknown): void {
    this.#failure = { error };
    this.#arrival.tell();
  }

  /** Throws what `fail` was told, once. */
  throwFailure(): void {
    if (this.#failure === undefined) return;
    const { error } = this.#failure;
    this.#failure = undefined;
    throw error;
  }

  /** The partition has moved: what waits of it is another member's now. */
  forget(partition: Partition): void {
    if (!this.#unwanted.delete(partition)) this.#count(-partition.records, -partition.bytes);
    // It may come back to this member, and then it is to be read.
    if (this.#paused.delete(partition)) this.#options.resume(partition);
    this.#turn = this.#turn.filter((one) => one !== partition);
    partition.clear();
    this.#tellOfRoom();
  }

  #take({ max, maxBytes, pausedLanes }: Want): readonly Delivery[] {
    this.throwFailure();
    this.#judge(pausedLanes);
    const out: Delivery[] = [];
    const unwanted = this.#turn.filter((partition) => this.#unwanted.has(partition));
    const turn = this.#turn.filter((partition) => !this.#unwanted.has(partition));
    // A share of each, so that every lane has something to do.
    const share = Math.max(1, Math.floor(max / turn.length));
    let bytes = 0;
    let isFull = false;
    while (turn.length > 0 && out.length < max && !isFull) {
      const partition = turn.shift()!;
      const before = partition.bytes;
      let left = Math.min(share, max - out.length);
      let room = maxBytes - bytes;
      for (; left > 0 && partition.records > 0; left--) {
        // At least one always fits, however large: otherwise it would never be taken.
        room -= partition.nextBytes;
        isFull = out.length > 0 && room < 0;
        if (isFull) break;
        try {
          out.push(partition.take());
        } catch (error) {
          // What was taken before it has left its batch, and must not be lost.
          this.#failure = { error };
          isFull = true;
          break;
        }
      }
      bytes += before - partition.bytes;
      if (partition.records > 0) turn.push(partition);
    }
    this.#turn = turn.concat(unwanted);
    this.#taken += out.length;
    this.#count(-out.length, -bytes);
    this.#tellOfRoom();
    return out;
  }

  #judge(pausedLanes: ReadonlySet<string>): void {
    for (const partition of this.#unwanted) {
      if (pausedLanes.has(partition.lane)) continue;
      this.#unwanted.delete(partition);
      this.#count(partition.records, partition.bytes);
    }
    if (pausedLanes.size === 0) return;
    for (const partition of this.#turn) {
      if (!pausedLanes.has(partition.lane) || this.#unwanted.has(partition)) continue;
      this.#unwanted.add(partition);
      this.#count(-partition.records, -partition.bytes);
    }
  }

  #count(records: number, bytes: number): void {
    this.#records += records;
    this.#bytes += bytes;
  }

  #hasRoom(partition: Partition): boolean {
    return this.#unwanted.has(partition)
      ? partition.records < MAX_UNWANTED_RECORDS && partition.bytes < MAX_UNWANTED_BYTES
      : this.#records < MAX_RECORDS && this.#bytes < MAX_BYTES;
  }

  /** Waits for room for as long as it pays to wait. */
  async #patience(partition: Partition): Promise<void> {
    const untilMs = performance.now() + PATIENCE_MS;
    let before: number;
    do {
      if (this.#unwanted.has(partition)) return;
      before = this.#taken;
      await this.#someRoom(STUCK_MS);
    } while (!this.#hasRoom(partition) && this.#taken !== before && performance.now() < untilMs);
  }

  #someRoom(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(finish, waitMs);
      this.#waitingForRoom.push(finish);
    });
  }

  /** To whoever waits for it. */
  #tellOfRoom(): void {
    for (const partition of this.#paused) {
      if (!this.#hasRoom(partition)) continue;
      this.#paused.delete(partition);
      this.#options.resume(partition);
    }
    if (this.#waitingForRoom.length === 0 || this.#records >= MAX_RECORDS || this.#bytes >= MAX_BYTES) return;
    for (const finish of this.#waitingForRoom.splice(0)) finish();
  }
}
