/** A batch of records as it lies in the log: what stands before its records, and these unread. */
export interface RecordBatch {
  readonly firstOffset: bigint;
  /** Also where compaction has taken the last record away. */
  readonly lastOffset: bigint;
  readonly count: number;
  readonly producerId: bigint;
  readonly isTransactional: boolean;
  /** Says of a transaction how it ended; holds nothing of anybody's. */
  readonly isControl: boolean;
  /** Kafka's number for the codec; 0 for none. */
  readonly compression: number;
  readonly firstTimestampMs: number;
  /** The time of every record where the broker gives it; undefined where the producer does. */
  readonly appendedMs: number | undefined;
  readonly records: Buffer;
}

/** Where the fields of a batch of format 2 stand. */
const LENGTH = 8;
const AFTER_LENGTH = 12;
const MAGIC = 16;
const ATTRIBUTES = 21;
const LAST_OFFSET_DELTA = 23;
const FIRST_TIMESTAMP = 27;
const MAX_TIMESTAMP = 35;
const PRODUCER_ID = 43;
const COUNT = 57;
const RECORDS = 61;

const COMPRESSION = 0x07;
const IS_LOG_APPEND_TIME = 0x08;
const IS_TRANSACTIONAL = 0x10;
const IS_CONTROL = 0x20;

/** Bytes of the batch of format 2 that begins at `from`. Undefined where there is none, or not the whole of it: the broker cuts its answer off where it is full. */
export function batchSize(bytes: Buffer, from: number): number | undefined {
  if (from + RECORDS > bytes.length || bytes[from + MAGIC] !== 2) return undefined;
  const size = AFTER_LENGTH + bytes.readInt32BE(from + LENGTH);
  return size < RECORDS || from + size > bytes.length ? undefined : size;
}

/** True for the two formats before this one, which very old logs have. */
export function isOlderFormat(bytes: Buffer): boolean {
  return bytes.length > MAGIC && bytes[MAGIC]! < 2;
}

/** The batch at `from`, of `batchSize` bytes. Its records are a slice. */
export function readBatch(bytes: Buffer, from: number, size: number): RecordBatch {
  const attributes = bytes.readInt16BE(from + ATTRIBUTES);
  const firstOffset = bytes.readBigInt64BE(from);
  const isAppended = (attributes & IS_LOG_APPEND_TIME) !== 0;
  return {
    firstOffset,
    lastOffset: firstOffset + BigInt(bytes.readInt32BE(from + LAST_OFFSET_DELTA)),
    count: Math.max(0, bytes.readInt32BE(from + COUNT)),
    producerId: bytes.readBigInt64BE(from + PRODUCER_ID),
    isTransactional: (attributes & IS_TRANSACTIONAL) !== 0,
    isControl: (attributes & IS_CONTROL) !== 0,
    compression: attributes & COMPRESSION,
    firstTimestampMs: Number(bytes.readBigInt64BE(from + FIRST_TIMESTAMP)),
    appendedMs: isAppended ? Number(bytes.readBigInt64BE(from + MAX_TIMESTAMP)) : undefined,
    records: bytes.subarray(from + RECORDS, from + size),
  };
}

/** True for a control batch by which a transaction was given up. */
export function isAbort({ isControl, records }: RecordBatch): boolean {
  // Of its one record: length, attributes, two deltas and the key's length, one byte each; then the key, which is a version and a type.
  return isControl && records.length > 8 && records.readInt16BE(7) === 0;
}
