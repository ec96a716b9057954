import { type OutboundMessage, setHeader, type WireMessage } from "@waybill/core/spi";
import type { FetchedRecord, OutboundRecord } from "./engine/engine.ts";

const CONTENT_TYPE = "content-type";
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A message as a record: attributes are headers as they stand, the content type is one more, no body is a tombstone. */
export function toRecord(message: OutboundMessage, partitionOf: (key: Buffer | null) => number): OutboundRecord {
  const key = keyOf(message);
  const { contentType } = message;
  const headers: Record<string, string | Buffer> = {};
  if (contentType !== undefined) headers[CONTENT_TYPE] = contentType;
  for (const name of Object.keys(message.headers)) {
    // What the message itself says of its content counts.
    if (contentType !== undefined && isContentType(name)) continue;
    const value = message.headers[name]!;
    setHeader(headers, name, typeof value === "string" ? value : bytesOf(value));
  }
  return { partition: partitionOf(key), key, value: message.body === null ? null : bytesOf(message.body), headers };
}

const isContentType = (name: string) => name.length === CONTENT_TYPE.length && name.toLowerCase() === CONTENT_TYPE;

/** A record as a message. Its id is the event's where a header tells it, else where the record lies. */
export function toMessage(record: FetchedRecord, lane: string): WireMessage {
  const headers: Record<string, string | Uint8Array> = {};
  let contentType: string | undefined;
  let id: string | undefined;
  for (const [name, bytes] of record.headers) {
    const value = textOf(bytes) ?? Buffer.from(bytes);
    if (name.toLowerCase() === CONTENT_TYPE && typeof value === "string") {
      contentType = value;
      continue;
    }
    if (name === "ce_id" && typeof value === "string" && value !== "") id = value;
    setHeader(headers, name, value);
  }
  const key = record.key === null ? undefined : textOf(record.key);
  const isText = record.key === null || key !== undefined;
  return {
    id: id ?? `${lane}/${record.offset}`,
    key: isText ? key : record.key!.toString(),
    keyBytes: isText ? undefined : Buffer.from(record.key!),
    body: record.value === null ? null : Buffer.from(record.value),
    headers,
    contentType,
    timeMs: record.timestampMs,
  };
}

function keyOf({ key, keyBytes }: OutboundMessage): Buffer | null {
  if (keyBytes !== undefined) return bytesOf(keyBytes);
  return key === undefined ? null : Buffer.from(key);
}

/** Header values are bytes; those that are text are given as text. */
function textOf(bytes: Buffer): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function bytesOf(value: string | Uint8Array): Buffer {
  if (typeof value === "string") return Buffer.from(value);
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

/** Of a record batch of format 2: from its base offset to its record count. */
const BATCH_OVERHEAD_BYTES = 61;
/** Of a record in it: attributes, and the deltas of time and offset where it stands alone. */
const RECORD_FIXED_BYTES = 3;

/**
 * Bytes of the batch that this message alone would make, uncompressed: what the broker compares with `max.message.bytes`. A batch of several
 * is smaller than their sum.
 */
export function measure(message: OutboundMessage): number {
  const key = message.keyBytes?.byteLength ?? (message.key === undefined ? -1 : Buffer.byteLength(message.key));
  const value = message.body === null ? -1 : message.body.byteLength;
  let record = RECORD_FIXED_BYTES + field(key) + field(value);
  let headers = 0;
  if (message.contentType !== undefined) {
    headers++;
    record += field(CONTENT_TYPE.length) + field(Buffer.byteLength(message.contentType));
  }
  for (const name of Object.keys(message.headers)) {
    if (message.contentType !== undefined && isContentType(name)) continue;
    const header = message.headers[name]!;
    headers++;
    record +=
      field(Buffer.byteLength(name)) +
      field(typeof header === "string" ? Buffer.byteLength(header) : header.byteLength);
  }
  record += varintLength(headers);
  return BATCH_OVERHEAD_BYTES + varintLength(record) + record;
}

/** Its length as a varint, and its bytes; -1 for none. */
const field = (length: number) => varintLength(length) + Math.max(0, length);

/** Of a zigzag varint. */
function varintLength(value: number): number {
  let zigzag = value < 0 ? -value * 2 - 1 : value * 2;
  let bytes = 1;
  while (zigzag >= 128) {
    zigzag = Math.floor(zigzag / 128);
    bytes++;
  }
  return bytes;
}
