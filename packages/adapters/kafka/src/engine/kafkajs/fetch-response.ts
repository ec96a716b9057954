import { createRequire } from "node:module";
import kafkajs, { type KafkaMessage } from "kafkajs";
import { type AbortedTransaction, batchesIn } from "../records/batches-in.ts";
import { ByteReader } from "../records/byte-reader.ts";
import { isOlderFormat, type RecordBatch } from "../records/record-batch.ts";

/** The version whose answers are read here; kafkajs speaks none that is newer. */
export const FETCH_VERSION = 11;

/** Stands where kafkajs has messages, so that it moves on behind the batch, and hands on nothing of what is hidden. */
export class UnreadBatch {
  readonly batch: RecordBatch;
  /** kafkajs's name for the position; here that of the batch's last record, whether it is there still or not. */
  readonly offset: string;
  /** kafkajs's name for what no consumer is to see: transaction markers, transactions that were given up, and what compaction has left empty. */
  readonly isControlRecord: boolean;

  constructor(batch: RecordBatch, isHidden: boolean) {
    this.batch = batch;
    this.offset = String(batch.lastOffset);
    this.isControlRecord = isHidden;
  }
}

/** A fetch's answer in the form in which kafkajs decodes it, but for the records, which stay as they are. */
export async function decodeFetchResponse(payload: Buffer) {
  const reader = new ByteReader(payload);
  const clientSideThrottleTime = reader.int32();
  const errorCode = reader.int16();
  const sessionId = reader.int32();
  const responses = await listOf(reader, async () => ({
    topicName: reader.text(),
    partitions: await listOf(reader, () => partitionOf(reader)),
  }));
  // As in kafkajs: the broker has not throttled, it asks the client to.
  return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses };
}

async function partitionOf(reader: ByteReader) {
  const head = {
    partition: reader.int32(),
    errorCode: reader.int16(),
    highWatermark: String(reader.int64()),
    lastStableOffset: String(reader.int64()),
    lastStartOffset: String(reader.int64()),
  };
  const aborted = await listOf(reader, () => ({ producerId: reader.int64(), firstOffset: reader.int64() }));
  const preferredReadReplica = reader.int32();
  const messages = await messagesOf(reader.slice(), aborted);
  // kafkajs would look through messages for those of transactions that were given up: that has been done.
  return { ...head, abortedTransactions: [], preferredReadReplica, messages };
}

async function listOf<T>(reader: ByteReader, read: () => T | Promise<T>): Promise<T[]> {
  const list: T[] = [];
  // Null is -1.
  for (let left = reader.int32(); left > 0; left--) list.push(await read());
  return list;
}

async function messagesOf(
  records: Buffer,
  transactions: readonly AbortedTransaction[],
): Promise<(UnreadBatch | KafkaMessage)[]> {
  if (isOlderFormat(records)) return decodedByKafkajs(records);
  const found: UnreadBatch[] = [];
  for (const { batch, isHidden } of batchesIn(records, transactions)) {
    found.push(new UnreadBatch(isHidden ? batch : await decompressed(batch), isHidden));
  }
  return found;
}

type Codec = { decompress(bytes: Buffer): Promise<Buffer> };

/** Throws kafkajs's own error where it has no codec. */
async function decompressed(batch: RecordBatch): Promise<RecordBatch> {
  if (batch.compression === 0) return batch;
  const open = kafkajs.CompressionCodecs[batch.compression as keyof typeof kafkajs.CompressionCodecs] as () => Codec;
  return { ...batch, compression: 0, records: await open().decompress(batch.records) };
}

/** As one field of an answer: that is how kafkajs reads it. */
function decodedByKafkajs(records: Buffer): Promise<KafkaMessage[]> {
  const require = createRequire(import.meta.url);
  const Decoder = require("kafkajs/src/protocol/decoder") as new (bytes: Buffer) => object;
  const decode = require("kafkajs/src/protocol/requests/fetch/v4/decodeMessages") as (
    decoder: object,
  ) => Promise<KafkaMessage[]>;
  const length = Buffer.alloc(4);
  length.writeInt32BE(records.length);
  return decode(new Decoder(Buffer.concat([length, records])));
}
