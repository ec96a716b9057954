import type { RecordsBatch } from "@platformatic/kafka";
import type { FetchedBatch, FetchedRecord, TopicPartition } from "../engine.ts";

type LibraryRecord = RecordsBatch["records"][number];

const IS_CONTROL = 0x20;
const IS_LOG_APPEND_TIME = 0x08;

/** What of the batches that one fetch brought of a partition is for users. */
export class PlatformaticBatch implements FetchedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly next: bigint;
  readonly #records: { readonly batch: RecordsBatch; readonly record: LibraryRecord }[] = [];

  /** `from`: a batch that was compressed comes whole, also with what is before that offset. */
  constructor({ topic, partition }: TopicPartition, batches: readonly RecordsBatch[], from: bigint) {
    this.topic = topic;
    this.partition = partition;
    this.next = nextOffset(batches.at(-1)!);
    for (const batch of batches) {
      if ((batch.attributes & IS_CONTROL) !== 0) continue;
      for (const record of batch.records) if (offsetOf(batch, record) >= from) this.#records.push({ batch, record });
    }
  }

  get count(): number {
    return this.#records.length;
  }

  offsetOf(index: number): bigint {
    const { batch, record } = this.#records[index]!;
    return offsetOf(batch, record);
  }

  bytesOf(index: number): number {
    return this.#records[index]!.record.value?.length ?? 0;
  }

  record(index: number): FetchedRecord {
    const { batch, record } = this.#records[index]!;
    const byBroker = (batch.attributes & IS_LOG_APPEND_TIME) !== 0;
    return {
      offset: offsetOf(batch, record),
      timestampMs: Number(byBroker ? batch.maxTimestamp : batch.firstTimestamp + record.timestampDelta),
      key: record.key,
      value: record.value,
      headers: headersOf(record.headers),
    };
  }
}

const offsetOf = (batch: RecordsBatch, record: LibraryRecord) => batch.firstOffset + BigInt(record.offsetDelta);
const nextOffset = (batch: RecordsBatch) => batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n;

/** Of a header that stands there more than once the last counts. One without a value says nothing. */
function headersOf(headers: LibraryRecord["headers"]): FetchedRecord["headers"] {
  const out = new Map<string, Buffer>();
  for (const [name, value] of headers) if (name !== null && value !== null) out.set(name.toString(), value);
  return [...out];
}
