import { type OutboundMessage, setHeader, type WireMessage } from "@waybill/core/spi";
import type { OutboundRecord, TopicPartition } from "./engine/engine.ts";

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

/** A record as a client library has decoded it. Its bytes are slices of the whole fetch. */
export interface DecodedRecord {
  readonly offset: bigint;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Iterable<readonly [name: string, value: Buffer]>;
}

/** A record as a message, with bytes of its own. */
export function toMessage(record: DecodedRecord, place: TopicPartition): WireMessage {
  const draft = newDraft(record.timestampMs);
  for (const [name, bytes] of record.headers) addHeader(draft, name, textIn(bytes) ?? Buffer.from(bytes));
  if (record.key !== null) setKey(draft, textIn(record.key) ?? Buffer.from(record.key));
  if (record.value !== null) draft.body = Buffer.from(record.value);
  return finished(draft, place, record.offset);
}

/** A message whose record is being read. */
export type Draft = { -readonly [Name in keyof WireMessage]: WireMessage[Name] } & {
  headers: Record<string, string | Uint8Array>;
};

export function newDraft(timeMs: number): Draft {
  return { id: "", key: undefined, keyBytes: undefined, body: null, headers: {}, contentType: undefined, timeMs };
}

/** Of a header that stands there more than once the last counts, as in Kafka's own clients. */
export function addHeader(to: Draft, name: string, value: string | Buffer): void {
  if (typeof value === "string") {
    if (isContentType(name)) {
      to.contentType = value;
      return;
    }
    if (name === "ce_id") to.id = value;
  }
  setHeader(to.headers, name, value);
}

/** A text stands for a key that is none. */
export function setKey(to: Draft, key: string | Buffer): void {
  to.key = String(key);
  if (typeof key !== "string") to.keyBytes = key;
}

/** Its id is the event's where a header tells it, else where the record lies. */
export function finished(draft: Draft, { topic, partition }: TopicPartition, offset: bigint): WireMessage {
  if (draft.id === "") draft.id = `${topic}/${partition}/${offset}`;
  return draft;
}

/** The text that these bytes are; undefined where they are none. */
export function textIn(bytes: Buffer, from = 0, to = bytes.length): string | undefined {
  const text = bytes.toString("utf8", from, to);
  // What stands for bytes that are no text may have been written as well.
  if (!text.includes("\ufffd")) return text;
  try {
    return utf8.decode(bytes.subarray(from, to));
  } catch {
    return undefined;
  }
}

function keyOf({ key, keyBytes }: OutboundMessage): Buffer | null {
  if (keyBytes !== undefined) return bytesOf(keyBytes);
  return key === undefined ? null : Buffer.from(key);
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
