import type { Delivery, WireMessage } from "@waybill/core/spi";
import type { FetchedRecord, TopicPartition } from "./engine/engine.ts";
import { toMessage } from "./mapping.ts";

/** A partition for as long as this member has it: one lane of core's. */
export class Partition implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  readonly lane: string;
  /** The offset that comes next from the broker. */
  next: bigint;
  /** What the group has committed, as far as this member knows. */
  committed: bigint;
  /** Records and bytes that core has not taken yet. */
  waiting = 0;
  waitingBytes = 0;
  isPaused = false;
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

  lose(reason: unknown): void {
    this.#lost.abort(reason);
  }
}

export const laneOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/** One record in the hands of core. */
export class KafkaDelivery implements Delivery {
  readonly message: WireMessage;
  readonly raw: unknown;
  readonly partition: Partition;
  /** The offset to commit when this record and all before it are done. */
  readonly commits: bigint;

  /** `commits`: one after the record, or after the transaction markers behind it, so that no lag is left over. */
  constructor(record: FetchedRecord, partition: Partition, commits: bigint) {
    this.message = toMessage(record, partition.lane);
    this.raw = record.raw;
    this.partition = partition;
    this.commits = commits;
  }

  get lane(): string {
    return this.partition.lane;
  }

  get lost(): AbortSignal {
    return this.partition.lost;
  }
}
