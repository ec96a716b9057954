import type { Reader } from "@platformatic/kafka";
import { type AbortedTransaction, batchesIn } from "../records/batches-in.ts";
import { isOlderFormat, type RecordBatch } from "../records/record-batch.ts";
import type { Library } from "./library.ts";

/** Stands where the library has records: those that are to be seen, in the batches in which they came. */
export class UnreadRecords {
  readonly batches: readonly RecordBatch[];
  /** Behind all of them, the hidden ones too. */
  readonly next: bigint;

  constructor(batches: readonly RecordBatch[], next: bigint) {
    this.batches = batches;
    this.next = next;
  }
}

type ErrorsByPath = Record<string, [code: number, words: string | null]>;

/**
 * The answer to a fetch of version 17, the newest that the library speaks, in the form in which it decodes it, but for the records, which stay as they are. Throws the library's
 * error for an answer that has one.
 */
export function readFetchResponse(library: Library, reader: Reader) {
  const errors: ErrorsByPath = {};
  const throttleTimeMs = reader.readInt32();
  const errorCode = reader.readInt16();
  if (errorCode !== 0) errors[""] = [errorCode, null];
  const response = {
    throttleTimeMs,
    errorCode,
    sessionId: reader.readInt32(),
    responses: reader.readArray((_, topic) => ({
      topicId: reader.readUUID(),
      partitions: reader.readArray((_, partition) => {
        const found = partitionOf(library, reader);
        if (found.errorCode !== 0) errors[`/responses/${topic}/partitions/${partition}`] = [found.errorCode, null];
        return found;
      }),
    })),
  };
  reader.readTaggedFields();
  const { key, version } = library.fetchV17.api;
  if (Object.keys(errors).length > 0) throw new library.ResponseError(key, version, errors, response);
  return response;
}

function partitionOf(library: Library, reader: Reader) {
  const head = {
    partitionIndex: reader.readInt32(),
    errorCode: reader.readInt16(),
    highWatermark: reader.readInt64(),
    lastStableOffset: reader.readInt64(),
    logStartOffset: reader.readInt64(),
  };
  const aborted = reader.readArray(() => ({ producerId: reader.readInt64(), firstOffset: reader.readInt64() }));
  const preferredReadReplica = reader.readInt32();
  const records = recordsOf(library, reader.readBytes(), aborted);
  // The library would look through records for those of transactions that were given up: that has been done.
  return { ...head, abortedTransactions: [], preferredReadReplica, records };
}

function recordsOf(library: Library, records: Buffer, aborted: readonly AbortedTransaction[]): UnreadRecords | null {
  if (isOlderFormat(records)) throw new library.UnsupportedFormatError("The log is of a format before Kafka 0.11.");
  const batches: RecordBatch[] = [];
  let next: bigint | undefined;
  for (const { batch, isHidden } of batchesIn(records, aborted)) {
    if (!isHidden) batches.push(decompressed(library, batch));
    next = batch.lastOffset + 1n;
  }
  return next === undefined ? null : new UnreadRecords(batches, next);
}

function decompressed(library: Library, batch: RecordBatch): RecordBatch {
  if (batch.compression === 0) return batch;
  const algorithm = library.compressionsAlgorithmsByBitmask[batch.compression];
  if (algorithm === undefined) throw new library.UnsupportedCompressionError(`There is no codec ${batch.compression}.`);
  return { ...batch, compression: 0, records: algorithm.decompressSync(batch.records) };
}
