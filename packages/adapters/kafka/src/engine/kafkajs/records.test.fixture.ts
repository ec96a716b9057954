import { createRequire } from "node:module";
import type { IHeaders } from "kafkajs";

const require = createRequire(import.meta.url);
const Encoder = require("kafkajs/src/protocol/encoder") as new () => Writer;
const encodeRecord = require("kafkajs/src/protocol/recordBatch/record/v0") as (record: object) => Writer;
const { RecordBatch: encodeBatch } = require("kafkajs/src/protocol/recordBatch/v0") as {
  RecordBatch: (batch: object) => Promise<Writer>;
};
const encodeMessageSet = require("kafkajs/src/protocol/messageSet") as (set: object) => Writer;
const { decode } = require("kafkajs/src/protocol/requests/fetch/v11/response") as {
  decode: (payload: Buffer) => Promise<unknown>;
};

/** kafkajs's own writer. */
interface Writer {
  readonly buffer: Buffer;
  writeInt8(value: number): Writer;
  writeInt16(value: number): Writer;
  writeInt32(value: number): Writer;
  writeInt64(value: bigint | number): Writer;
  writeString(value: string): Writer;
  writeBuffer(value: Buffer): Writer;
}

export interface WrittenRecord {
  readonly offsetDelta: number;
  readonly timestampDelta: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: IHeaders;
}

export interface WrittenBatch {
  readonly firstOffset: number;
  readonly records: readonly WrittenRecord[];
  readonly lastOffsetDelta?: number;
  readonly producerId?: number;
  readonly compression?: number;
  /** Set in the attributes on top of what kafkajs writes. */
  readonly attributes?: number;
}

export const FIRST_TIMESTAMP = 1_767_225_600_000;
export const MAX_TIMESTAMP = FIRST_TIMESTAMP + 5_000;

/** A batch as kafkajs's producer writes it. */
export async function batchBytes(batch: WrittenBatch): Promise<Buffer> {
  const { buffer } = await encodeBatch({
    compression: batch.compression ?? 0,
    firstOffset: batch.firstOffset,
    firstTimestamp: FIRST_TIMESTAMP,
    maxTimestamp: MAX_TIMESTAMP,
    lastOffsetDelta: batch.lastOffsetDelta ?? Math.max(0, batch.records.length - 1),
    producerId: batch.producerId ?? -1,
    records: batch.records.map(encodeRecord),
  });
  buffer.writeInt16BE(buffer.readInt16BE(21) | (batch.attributes ?? 0), 21);
  return buffer;
}

/** A log of the format before: no headers, and offsets that the broker sets. */
export function oldBytes(values: readonly string[], firstOffset: number): Buffer {
  const { buffer } = encodeMessageSet({
    messageVersion: 1,
    compression: 0,
    entries: values.map((value) => ({ timestamp: FIRST_TIMESTAMP, key: "k", value })),
  });
  let at = 0;
  for (let index = 0; index < values.length; index++) {
    buffer.writeBigInt64BE(BigInt(firstOffset + index), at);
    at += 12 + buffer.readInt32BE(at + 8);
  }
  return buffer;
}

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

/** A broker's answer to a fetch of one partition. */
export function answer(records: Buffer, aborted: readonly AbortedTransaction[] = []): Buffer {
  const writer = new Encoder().writeInt32(0).writeInt16(0).writeInt32(0).writeInt32(1).writeString("t").writeInt32(1);
  writer.writeInt32(3).writeInt16(0).writeInt64(900).writeInt64(800).writeInt64(0);
  writer.writeInt32(aborted.length === 0 ? -1 : aborted.length);
  for (const { producerId, firstOffset } of aborted) writer.writeInt64(producerId).writeInt64(firstOffset);
  return writer.writeInt32(-1).writeInt32(records.length).writeBuffer(records).buffer;
}

/** Kafka's key of the record that ends a transaction. */
export const marker = (isCommit: boolean): WrittenRecord => ({
  offsetDelta: 0,
  timestampDelta: 0,
  key: Buffer.from([0, 0, 0, isCommit ? 1 : 0]),
  value: Buffer.from([0, 0, 0, 0, 0, 0]),
  headers: {},
});

export const decodeWithKafkajs = decode;
