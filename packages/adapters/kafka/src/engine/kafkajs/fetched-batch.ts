import type { IHeaders, KafkaMessage } from "kafkajs";
import type { FetchedBatch, FetchedRecord } from "../engine.ts";

export class KafkajsBatch implements FetchedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly next: bigint;
  readonly #messages: readonly KafkaMessage[];

  constructor(topic: string, partition: number, next: bigint, messages: readonly KafkaMessage[]) {
    this.topic = topic;
    this.partition = partition;
    this.next = next;
    this.#messages = messages;
  }

  get count(): number {
    return this.#messages.length;
  }

  offsetOf(index: number): bigint {
    return BigInt(this.#messages[index]!.offset);
  }

  bytesOf(index: number): number {
    return this.#messages[index]!.value?.length ?? 0;
  }

  record(index: number): FetchedRecord {
    const { offset, timestamp, key, value, headers } = this.#messages[index]!;
    return { offset, timestampMs: Number(timestamp), key, value, headers: headersOf(headers) };
  }
}

/** Of a header that stands there more than once the last counts, as in Kafka's own clients. One without a value says nothing. */
function headersOf(headers: IHeaders | undefined): FetchedRecord["headers"] {
  const out: [string, Buffer][] = [];
  for (const name in headers) {
    const given = headers[name];
    const value = Array.isArray(given) ? given.at(-1) : given;
    if (value !== undefined && value !== null) out.push([name, value as Buffer]);
  }
  return out;
}
