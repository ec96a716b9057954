import type { RecordsBatch } from "@platformatic/kafka";
import { toMessage } from "../../mapping.ts";
import type { FetchedRecord, TopicPartition } from "../engine.ts";

type LibraryRecord = RecordsBatch["records"][number];

const IS_CONTROL = 0x20;
const IS_LOG_APPEND_TIME = 0x08;

/** What the library itself has decoded: of a broker that answers in an older version of the protocol. */
export class DecodedBatches {
  readonly #place: TopicPartition;
  readonly #records: { readonly batch: RecordsBatch; readonly record: LibraryRecord }[] = [];
  #at = 0;
  bytes = 0;

  constructor(batches: readonly RecordsBatch[], place: TopicPartition) {
    this.#place = place;
    for (const batch of batches) {
      if ((batch.attributes & IS_CONTROL) !== 0) continue;
      for (const record of batch.records) {
        this.#records.push({ batch, record });
        this.bytes += bytesOf(record);
      }
    }
  }

  get count(): number {
    return this.#records.length - this.#at;
  }

  get nextBytes(): number {
    return bytesOf(this.#records[this.#at]!.record);
  }

  skipTo(offset: bigint): void {
    for (; this.count > 0; this.#pass()) {
      const { batch, record } = this.#records[this.#at]!;
      if (offsetOf(batch, record) >= offset) break;
    }
  }

  take(): FetchedRecord {
    const { batch, record } = this.#records[this.#at]!;
    const byBroker = (batch.attributes & IS_LOG_APPEND_TIME) !== 0;
    const offset = offsetOf(batch, record);
    const message = toMessage(
      {
        offset,
        timestampMs: Number(byBroker ? batch.maxTimestamp : batch.firstTimestamp + record.timestampDelta),
        key: record.key,
        value: record.value,
        headers: headersOf(record.headers),
      },
      this.#place,
    );
    this.#pass();
    return { offset, message };
  }

  #pass(): void {
    this.bytes -= this.nextBytes;
    this.#at++;
  }
}

const bytesOf = ({ value }: LibraryRecord) => value?.length ?? 0;
const offsetOf = (batch: RecordsBatch, record: LibraryRecord) => batch.firstOffset + BigInt(record.offsetDelta);

/** One without a name or a value says nothing. */
function* headersOf(headers: LibraryRecord["headers"]): Generator<[string, Buffer]> {
  for (const [name, value] of headers) if (name !== null && value !== null) yield [name.toString(), value];
}
