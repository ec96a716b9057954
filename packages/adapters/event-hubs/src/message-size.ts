import type { WireMessage } from "@waybill/core/spi";
import type { OutgoingEvent } from "./mapping.ts";

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

function propertiesSize({ messageId, contentType }: OutgoingEvent): number {
  if (messageId === undefined && contentType === undefined) return PROPERTIES_EMPTY;
  const id = messageId === undefined ? 1 : textSize(messageId);
  return DESCRIPTOR + COMPOUND + id + (contentType === undefined ? 0 : FIELDS_BETWEEN + textSize(contentType));
}

function applicationPropertiesSize({ properties }: OutgoingEvent): number {
  if (properties === undefined) return 0;
  let bytes = DESCRIPTOR + COMPOUND;
  for (const [name, value] of Object.entries(properties)) {
    bytes += textSize(name) + (typeof value === "string" ? textSize(value) : sized(value.byteLength));
  }
  return bytes;
}

/** Bytes of a batch that holds this event alone: what the hub's limit is compared with. */
export function batchSize(event: OutgoingEvent, partitionKey: WireMessage["key"]): number {
  const annotations = annotationsSize(partitionKey);
  const envelope = HEADER_EMPTY + annotations + PROPERTIES_EMPTY;
  const header = partitionKey === undefined ? HEADER_EMPTY : HEADER_DURABLE;
  const encoded =
    header +
    annotations +
    propertiesSize(event) +
    applicationPropertiesSize(event) +
    DESCRIPTOR +
    sized(event.body.byteLength);
  return envelope + DESCRIPTOR + sized(encoded);
}
