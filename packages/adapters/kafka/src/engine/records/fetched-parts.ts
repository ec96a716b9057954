import type { FetchedBatch, FetchedRecord, TopicPartition } from "../engine.ts";

/** Records of one partition that are read in the same way. */
export interface RecordsPart {
  readonly count: number;
  readonly bytes: number;
  readonly nextBytes: number;
  skipTo(offset: bigint): void;
  take(): FetchedRecord;
}

/** What one fetch brought of a partition: parts, one after the other. */
export class FetchedParts implements FetchedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly next: bigint;
  readonly #parts: RecordsPart[];
  count = 0;
  bytes = 0;

  constructor({ topic, partition }: TopicPartition, next: bigint, parts: readonly RecordsPart[]) {
    this.topic = topic;
    this.partition = partition;
    this.next = next;
    this.#parts = [...parts];
    for (const part of parts) this.#count(part, 1);
  }

  get nextBytes(): number {
    return this.#parts[0]!.nextBytes;
  }

  skipTo(offset: bigint): void {
    for (const part of this.#parts) {
      this.#count(part, -1);
      part.skipTo(offset);
      this.#count(part, 1);
      if (part.count > 0) break;
    }
    this.#dropEmpty();
  }

  take(): FetchedRecord {
    const part = this.#parts[0]!;
    const { bytes } = part;
    const record = part.take();
    this.count--;
    this.bytes -= bytes - part.bytes;
    this.#dropEmpty();
    return record;
  }

  #count(part: RecordsPart, sign: 1 | -1): void {
    this.count += sign * part.count;
    this.bytes += sign * part.bytes;
  }

  #dropEmpty(): void {
    while (this.#parts[0]?.count === 0) this.#parts.shift();
  }
}
