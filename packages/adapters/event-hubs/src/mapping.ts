import { createHash } from "node:crypto";
import type { ReceivedEventData } from "@azure/event-hubs";
import { type OutboundMessage, setHeader, type WireMessage } from "@waybill/core/spi";
import { eventHubsErrors } from "./errors.ts";

/** How CloudEvents attributes are named among the application properties. Both are read, whichever is written. */
export type AttributePrefix = "cloudEvents_" | "cloudEvents:";

/** What the SDK's `EventData` is made of here. */
export interface OutgoingEvent {
  readonly body: Buffer;
  readonly contentType: string | undefined;
  readonly messageId: string | undefined;
  readonly properties: Record<string, string | Buffer> | undefined;
}

const CE = "ce_";
/** In characters. */
const MAX_MESSAGE_ID = 128;
/** Of a partition key, in characters: Service Bus's documented limit. Event Hubs' pages name none. */
const MAX_KEY = 128;
/** Carries the key of a message whose headers do not: one that is a whole document. */
export const KEY_PROPERTY = "wbkey";
const KEY_HEADER = "ce_partitionkey";

/**
 * Header names that would not come back as they were: `__proto__`, which the SDK's decoder drops, and names that look like CloudEvents attributes of
 * this binding. They travel behind `wb~`.
 */
const HOSTILE = /^(?:wb~)*(?:__proto__$|cloudEvents[_:])/;
const ESCAPE = "wb~";

/** The bytes themselves, not a copy. */
const bytesOf = (value: Uint8Array): Buffer =>
  Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);

/** How a header is named among the application properties. */
export interface WireName {
  readonly text: string;
  /** In UTF-8. */
  readonly bytes: number;
}

/** Header names come from foreign producers too: the cache must not grow with what they think up. */
const MAX_CACHED = 1_024;
const wireNames: Readonly<Record<AttributePrefix, Map<string, WireName>>> = {
  cloudEvents_: new Map(),
  "cloudEvents:": new Map(),
};

/** Joined once for each header, as a joined string is slow to use as a property's name. */
export function wireNameOf(header: string, prefix: AttributePrefix): WireName {
  const known = wireNames[prefix];
  let name = known.get(header);
  if (name === undefined) {
    const text = header.startsWith(CE)
      ? prefix + header.slice(CE.length)
      : HOSTILE.test(header)
        ? ESCAPE + header
        : header;
    name = { text, bytes: Buffer.byteLength(text) };
    if (known.size >= MAX_CACHED) known.clear();
    known.set(header, name);
  }
  return name;
}

/** What a message's event has as its message id; the SDK refuses a longer one. */
export const messageIdOf = ({ id }: WireMessage): string | undefined =>
  id === "" || id.length > MAX_MESSAGE_ID ? undefined : id;

/** The key that has to travel as a property. */
export function carriedKeyOf({ key, headers }: WireMessage, partitionKey: string | undefined): string | undefined {
  return key === "" || key === partitionKey || key === headers[KEY_HEADER] ? undefined : key;
}

/** What the service hashes: the key, or a digest of one that is longer than the service takes. */
export function partitionKeyOf(key: string | undefined): string | undefined {
  if (key === undefined || key === "") return undefined;
  return key.length <= MAX_KEY ? key : `sha256:${createHash("sha256").update(key).digest("hex")}`;
}

/**
 * The message as an event of the SDK. A body of `null` travels as no bytes; the key as a property, where neither the batch has it as `partitionKey` nor the
 * headers as attribute. Throws, kind `invalid`, what a hub cannot do.
 */
export function toEvent(message: OutboundMessage, prefix: AttributePrefix, partitionKey?: string): OutgoingEvent {
  if (message.notBefore !== undefined) throw unfit(message, "it is not to be delivered before a time");
  let properties: Record<string, string | Buffer> | undefined;
  for (const name of Object.keys(message.headers)) {
    const value = message.headers[name]!;
    properties ??= {};
    properties[wireNameOf(name, prefix).text] = typeof value === "string" ? value : bytesOf(value);
  }
  const key = carriedKeyOf(message, partitionKey);
  if (key !== undefined) {
    properties ??= {};
    properties[KEY_PROPERTY] = key;
  }
  return {
    body: bytesOf(message.body ?? EMPTY),
    contentType: message.contentType,
    messageId: messageIdOf(message),
    properties,
  };
}

/** A received event as a message. Never throws: what no sender of ours would write becomes text by one rule. */
export function toMessage(event: ReceivedEventData, partition: string): WireMessage {
  const headers: Record<string, string | Uint8Array> = {};
  // Not `event.properties`: there the SDK has turned times into numbers and bytes into objects.
  for (const [name, value] of Object.entries(event.getRawAmqpMessage().applicationProperties ?? {})) {
    const text = toHeader(value);
    if (text !== undefined) setHeader(headers, headerName(name), text);
  }
  const ownKey = headers[KEY_PROPERTY];
  if (ownKey !== undefined) delete headers[KEY_PROPERTY];
  const id = headers.ce_id ?? event.messageId;
  return {
    id: typeof id === "string" && id !== "" ? id : `${partition}/${event.sequenceNumber}`,
    key: keyOf(event, ownKey ?? headers[KEY_HEADER]),
    body: toBody(event.body),
    headers,
    contentType: typeof event.contentType === "string" ? event.contentType : undefined,
    timeMs: timeOf(event.enqueuedTimeUtc),
  };
}

const headerNames = new Map<string, string>();

/** Found once per name: a joined string is slow to use as a property name. */
function headerName(name: string): string {
  let header = headerNames.get(name);
  if (header === undefined) {
    if (headerNames.size >= MAX_CACHED) headerNames.clear();
    header = findHeaderName(name);
    headerNames.set(name, header);
  }
  return header;
}

/** `ce_…` as it stands is what a Kafka producer wrote through the hub's Kafka endpoint. */
function findHeaderName(name: string): string {
  if (name.startsWith("cloudEvents_") || name.startsWith("cloudEvents:")) return CE + name.slice("cloudEvents_".length);
  return name.startsWith(ESCAPE) && HOSTILE.test(name) ? name.slice(ESCAPE.length) : name;
}

/** CloudEvents' canonical text of a value; null is an attribute that is not set. */
function toHeader(value: unknown): string | Uint8Array | undefined {
  if (typeof value === "string" || value instanceof Uint8Array) return value;
  if (value === null || value === undefined) return undefined;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The key that the event itself tells, unless the broker has another; of a long one the broker has a digest. */
function keyOf({ partitionKey }: ReceivedEventData, told: string | Uint8Array | undefined): string | undefined {
  const own = typeof told === "string" && told !== "" ? told : undefined;
  if (partitionKey === null || partitionKey === undefined || partitionKeyOf(own) === partitionKey) return own;
  return String(partitionKey);
}

/** Data sections are bytes as they came; what a foreign sender wrote as an AMQP value is text, or JSON of anything else. */
function toBody(body: unknown): Uint8Array | null {
  if (body === null || body === undefined) return null;
  if (body instanceof Uint8Array) return body;
  if (typeof body === "string") return Buffer.from(body);
  if (Array.isArray(body) && body.every((part) => part instanceof Uint8Array)) return Buffer.concat(body);
  return Buffer.from(JSON.stringify(body) ?? String(body));
}

function timeOf(time: unknown): number | undefined {
  const ms = time instanceof Date ? time.getTime() : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

const EMPTY = new Uint8Array();
const unfit = (message: WireMessage, problem: string) =>
  eventHubsErrors.WB_EVENT_HUBS_MESSAGE({ id: message.id, problem });
