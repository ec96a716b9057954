import type { Delivery, Headers, WireMessage } from "@waybill/core/spi";
import type { FetchedBatch, FetchedRecord, TopicPartition } from "./engine/engine.ts";

/** A partition for as long as this member has it: one lane of core's, and what of it waits for core. */
export class Partition implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  readonly lane: string;
  /** The offset that comes next from the broker. */
  next: bigint;
  /** What the group has committed, as far as this member knows. */
  committed: bigint;
  /** How many records wait, and how many bytes they take. */
  records = 0;
  bytes = 0;
  readonly #batches: FetchedBatch[] = [];
  readonly #lost = new AbortController();

  constructor({ topic, partition }: TopicPartition, start: bigint) {
    this.topic = topic;
    this.partition = partition;
    this.lane = laneOf({ topic, partition });
    this.next = start;
    this.committed = start;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get isHeld(): boolean {
    return !this.#lost.signal.aborted;
  }

  /** Of the record that `take` gives next. */
  get nextBytes(): number {
    return this.#batches[0]!.nextBytes;
  }

  lose(reason: unknown): void {
    this.#lost.abort(reason);
  }

  /** There is a record in it. */
  add(batch: FetchedBatch): void {
    this.#batches.push(batch);
    this.records += batch.count;
    this.bytes += batch.bytes;
  }

  /** The oldest record that waits. */
  take(): KafkaDelivery {
    const batch = this.#batches[0]!;
    const { bytes } = batch;
    const record = batch.take();
    this.records--;
    this.bytes -= bytes - batch.bytes;
    const isLast = batch.count === 0;
    if (isLast) this.#batches.shift();
    return new KafkaDelivery(record, this, isLast ? batch.next : undefined);
  }

  clear(): void {
    this.#batches.length = 0;
    this.records = 0;
    this.bytes = 0;
  }
}

export const laneOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/** What `delivery.raw` is: the same with either engine, whose own objects would keep the whole fetch that they came in. */
export interface RawRecord extends TopicPartition {
  readonly offset: bigint;
  readonly timestampMs: number;
  readonly key: string | null;
  readonly value: Uint8Array | null;
  readonly headers: Headers;
}

/** One record in the hands of core. */
export class KafkaDelivery implements Delivery {
  readonly message: WireMessage;
  readonly partition: Partition;
  readonly #offset: bigint;
  readonly #next: bigint | undefined;

  /** `next`: where to go on behind it, where that is not one after it: transaction markers stand between, and would be a lag that never ends. */
  constructor({ message, offset }: FetchedRecord, partition: Partition, next: bigint | undefined) {
    this.message = message;
    this.partition = partition;
    this.#offset = offset;
    this.#next = next;
  }

  /** The offset to commit when this record and all before it are done. */
  get commits(): bigint {
    return this.#next ?? this.#offset + 1n;
  }

  get raw(): RawRecord {
    const { topic, partition } = this.partition;
    const { key = null, body, headers, timeMs = 0 } = this.message;
    return { topic, partition, offset: this.#offset, timestampMs: timeMs, key, value: body, headers };
  }

  get lane(): string {
    return this.partition.lane;
  }

  get lost(): AbortSignal {
    return this.partition.lost;
  }
}
