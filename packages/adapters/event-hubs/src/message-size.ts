import type { WireMessage } from "@waybill/core/spi";
import { type AttributePrefix, carriedKeyOf, KEY_PROPERTY, messageIdOf, wireNameOf } from "./mapping.ts";

/**
 * How the SDK's encoder writes an event, and the batch around it, in bytes. It writes a header, annotations, properties, application properties and
 * one data section; maps and lists always in their 32-bit form (9 bytes), an empty list in one byte, texts and bytes with a 1-byte length up to 255
 * and a 4-byte length above. A test compares this with the SDK's own count.
 */
const DESCRIPTOR = 3;
const COMPOUND = 9;
const PARTITION_KEY_NAME = 2 + "x-opt-partition-key".length;
const HEADER_EMPTY = DESCRIPTOR + 1;
const HEADER_DURABLE = DESCRIPTOR + COMPOUND + 1;
const PROPERTIES_EMPTY = DESCRIPTOR + 1;
/** Null fields between the message id and the content type. */
const FIELDS_BETWEEN = 5;

const sized = (bytes: number) => (bytes > 255 ? 5 : 2) + bytes;
const textSize = (text: string) => sized(Buffer.byteLength(text));
const annotationsSize = (key: string | undefined) =>
  DESCRIPTOR + COMPOUND + (key === undefined ? 0 : PARTITION_KEY_NAME + textSize(key));

function propertiesSize(messageId: string | undefined, contentType: string | undefined): number {
  if (messageId === undefined && contentType === undefined) return PROPERTIES_EMPTY;
  const id = messageId === undefined ? 1 : textSize(messageId);
  return DESCRIPTOR + COMPOUND + id + (contentType === undefined ? 0 : FIELDS_BETWEEN + textSize(contentType));
}

function applicationPropertiesSize(message: WireMessage, prefix: AttributePrefix, key: string | undefined): number {
  let bytes = 0;
  for (const header of Object.keys(message.headers)) {
    // The key takes its place.
    if (key !== undefined && header === KEY_PROPERTY) continue;
    const value = message.headers[header]!;
    bytes += sized(wireNameOf(header, prefix).bytes);
    bytes += typeof value === "string" ? textSize(value) : sized(value.byteLength);
  }
  if (key !== undefined) bytes += sized(KEY_PROPERTY.length) + textSize(key);
  return bytes === 0 ? 0 : DESCRIPTOR + COMPOUND + bytes;
}

/** Bytes of a batch that holds this message alone, as `toEvent` makes an event of it: what the hub's limit is compared with. */
export function batchSize(message: WireMessage, prefix: AttributePrefix, partitionKey?: string): number {
  const annotations = annotationsSize(partitionKey);
  const envelope = HEADER_EMPTY + annotations + PROPERTIES_EMPTY;
  const header = partitionKey === undefined ? HEADER_EMPTY : HEADER_DURABLE;
  const encoded =
    header +
    annotations +
    propertiesSize(messageIdOf(message), message.contentType) +
    applicationPropertiesSize(message, prefix, carriedKeyOf(message, partitionKey)) +
    DESCRIPTOR +
    sized(message.body?.byteLength ?? 0);
  return envelope + DESCRIPTOR + sized(encoded);
}
