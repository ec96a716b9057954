import { addHeader, type Draft, finished, newDraft, setKey, textIn } from "../../mapping.ts";
import type { FetchedRecord, TopicPartition } from "../engine.ts";
import { ByteReader } from "./byte-reader.ts";
import type { HeaderNames } from "./header-names.ts";
import type { RecordBatch } from "./record-batch.ts";

/**
 * Records are copied out of the fetch in pieces of this size before they are read, for an event in hand keeps alive what its bytes are a slice of. A copy of
 * each value by itself would cost more than the reading.
 */
const PIECE_BYTES = 16_384;
const NOTHING = Buffer.alloc(0);

/** Reads the records of one batch, each when it is asked for. Throws a RangeError where they are not as Kafka writes them, and gives none of these. */
export class RecordReader {
  /** Records that are left. */
  count: number;
  readonly #batch: RecordBatch;
  readonly #place: TopicPartition;
  readonly #names: HeaderNames;
  readonly #records: ByteReader;
  /** Where the next record begins, what it says behind its own length, and where it ends. */
  #from = 0;
  #content = 0;
  #end = 0;
  #piece = new ByteReader(NOTHING);
  #pieceFrom = 0;

  constructor(batch: RecordBatch, place: TopicPartition, names: HeaderNames) {
    this.count = batch.count;
    this.#batch = batch;
    this.#place = place;
    this.#names = names;
    this.#records = new ByteReader(batch.records);
    this.#measure();
  }

  get bytes(): number {
    return this.count === 0 ? 0 : Math.max(0, this.#records.bytes.length - this.#from);
  }

  get nextBytes(): number {
    return this.#end - this.#from;
  }

  skipTo(offset: bigint): void {
    const { firstOffset, lastOffset } = this.#batch;
    if (lastOffset < offset) this.count = 0;
    while (this.count > 0 && firstOffset + BigInt(this.#nextDelta()) < offset) this.#pass();
  }

  take(): FetchedRecord {
    const reader = this.#read();
    const { firstOffset, firstTimestampMs, appendedMs } = this.#batch;
    const createdMs = firstTimestampMs + reader.varint();
    const offset = firstOffset + BigInt(reader.varint());
    const draft = newDraft(appendedMs ?? createdMs);
    readKey(reader, draft);
    readValue(reader, draft);
    this.#readHeaders(reader, draft);
    if (reader.at !== this.#end - this.#pieceFrom) throw new RangeError("A record has another length than it says.");
    this.#pass();
    return { offset, message: finished(draft, this.#place, offset) };
  }

  /** At the record, behind its length and its attributes, of which there are none. */
  #read(): ByteReader {
    const { bytes } = this.#records;
    if (this.#end > bytes.length) throw new RangeError("A record is longer than its batch.");
    if (this.#end > this.#pieceFrom + this.#piece.bytes.length) {
      const piece = Buffer.allocUnsafeSlow(
        Math.max(this.#end, Math.min(this.#from + PIECE_BYTES, bytes.length)) - this.#from,
      );
      bytes.copy(piece, 0, this.#from);
      this.#piece = new ByteReader(piece);
      this.#pieceFrom = this.#from;
    }
    this.#piece.at = this.#content + 1 - this.#pieceFrom;
    return this.#piece;
  }

  #readHeaders(reader: ByteReader, to: Draft): void {
    const { bytes } = reader;
    const count = reader.varint();
    for (let index = 0; index < count && reader.at < bytes.length; index++) {
      const nameLength = reader.varint();
      const nameFrom = reader.at;
      reader.at += Math.max(0, nameLength);
      const name = this.#names.at(index, bytes, nameFrom, reader.at);
      const length = reader.varint();
      // One without a value says nothing.
      if (length < 0) continue;
      const from = reader.at;
      reader.at += length;
      addHeader(to, name, textIn(bytes, from, reader.at) ?? bytes.subarray(from, reader.at));
    }
  }

  /** The offset of the next record, counted from the batch's first. */
  #nextDelta(): number {
    const reader = this.#records;
    reader.at = this.#content + 1;
    reader.varint();
    return reader.varint();
  }

  #pass(): void {
    this.#from = this.#end;
    this.count--;
    this.#measure();
  }

  #measure(): void {
    if (this.count === 0) return;
    this.#records.at = this.#from;
    const length = this.#records.varint();
    this.#content = this.#records.at;
    this.#end = this.#content + Math.max(1, length);
  }
}

function readKey(reader: ByteReader, to: Draft): void {
  const length = reader.varint();
  if (length < 0) return;
  const from = reader.at;
  reader.at += length;
  setKey(to, textIn(reader.bytes, from, reader.at) ?? reader.bytes.subarray(from, reader.at));
}

function readValue(reader: ByteReader, to: Draft): void {
  const length = reader.varint();
  if (length < 0) return;
  const from = reader.at;
  reader.at += length;
  to.body = reader.bytes.subarray(from, reader.at);
}
