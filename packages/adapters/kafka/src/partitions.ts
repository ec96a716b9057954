import type { Delivery, Headers, WireMessage } from "@waybill/core/spi";
import type { FetchedBatch, FetchedRecord, TopicPartition } from "./engine/engine.ts";
import { toMessage } from "./mapping.ts";

interface Waiting {
  readonly batch: FetchedBatch;
  /** The record that comes next. */
  at: number;
}

/** A partition for as long as this member has it: one lane of core's, and what of it waits for core. */
export class Partition implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  readonly lane: string;
  /** The offset that comes next from the broker. */
  next: bigint;
  /** What the group has committed, as far as this member knows. */
  committed: bigint;
  /** How many records wait, and how many bytes their values have. */
  records = 0;
  bytes = 0;
  readonly #batches: Waiting[] = [];
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
    const { batch, at } = this.#batches[0]!;
    return batch.bytesOf(at);
  }

  lose(reason: unknown): void {
    this.#lost.abort(reason);
  }

  /** `from`: the first record that is new. There is one. */
  add(batch: FetchedBatch, from: number): void {
    this.#batches.push({ batch, at: from });
    this.records += batch.count - from;
    for (let index = from; index < batch.count; index++) this.bytes += batch.bytesOf(index);
  }

  /** The oldest record that waits. */
  take(): KafkaDelivery {
    const first = this.#batches[0]!;
    const { batch } = first;
    const index = first.at++;
    this.records--;
    this.bytes -= batch.bytesOf(index);
    const isLast = first.at === batch.count;
    if (isLast) this.#batches.shift();
    return new KafkaDelivery(batch.record(index), this, isLast ? batch.next : undefined);
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
  readonly #offset: bigint | string;
  readonly #next: bigint | undefined;

  /** `next`: where to go on behind it, where that is not one after it: transaction markers stand between, and would be a lag that never ends. */
  constructor(record: FetchedRecord, partition: Partition, next: bigint | undefined) {
    this.message = toMessage(record, partition.lane);
    this.partition = partition;
    this.#offset = record.offset;
    this.#next = next;
  }

  /** The offset to commit when this record and all before it are done. */
  get commits(): bigint {
    return this.#next ?? BigInt(this.#offset) + 1n;
  }

  get raw(): RawRecord {
    const { topic, partition } = this.partition;
    const { key = null, body, headers, timeMs = 0 } = this.message;
    return { topic, partition, offset: BigInt(this.#offset), timestampMs: timeMs, key, value: body, headers };
  }

  get lane(): string {
    return this.partition.lane;
  }

  get lost(): AbortSignal {
    return this.partition.lost;
  }
}
