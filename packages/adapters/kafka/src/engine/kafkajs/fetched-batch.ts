import type { KafkaMessage } from "kafkajs";
import type { FetchedBatch, FetchedRecord } from "../engine.ts";
import { DecodedMessages } from "./decoded-messages.ts";
import { UnreadBatch } from "./fetch-response.ts";
import { HeaderNames } from "./header-names.ts";
import { RecordReader } from "./record-reader.ts";

/** What one fetch brought of a partition. */
export class KafkajsBatch implements FetchedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly next: bigint;
  readonly #parts: (RecordReader | DecodedMessages)[];
  count = 0;
  bytes = 0;

  /** `messages`: as kafkajs gives them, what `readsBatches` put in their place included. */
  constructor(topic: string, partition: number, next: bigint, messages: readonly (KafkaMessage | UnreadBatch)[]) {
    this.topic = topic;
    this.partition = partition;
    this.next = next;
    const names = new HeaderNames();
    const decoded = messages.filter((one): one is KafkaMessage => !(one instanceof UnreadBatch));
    this.#parts = [];
    for (const one of messages)
      if (one instanceof UnreadBatch) this.#parts.push(new RecordReader(one.batch, this, names));
    if (decoded.length > 0) this.#parts.push(new DecodedMessages(decoded, this));
    for (const part of this.#parts) this.#count(part, 1);
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

  #count(part: { readonly count: number; readonly bytes: number }, sign: 1 | -1): void {
    this.count += sign * part.count;
    this.bytes += sign * part.bytes;
  }

  #dropEmpty(): void {
    while (this.#parts[0]?.count === 0) this.#parts.shift();
  }
}
