import type { RawCloudEvent } from "../events/cloud-event.ts";
import type { OutboundMessage, WireMessage } from "../spi/wire-message.ts";
import { isAttributeName, isContextAttribute } from "./attribute-name.ts";
import { addBookkeeping, isBookkeepingName, mergeBookkeeping, noBookkeeping } from "./bookkeeping.ts";
import type { Decoded } from "./codec.ts";
import { checkData, jsonOf, readData, writeData } from "./event-data.ts";
import { keyOf } from "./event-key.ts";
import { readFrontMembers } from "./front-members.ts";
import type { Bookkeeping } from "./headers.ts";
import { documentBytes } from "./json-bytes.ts";
import { parseJson, xmlSafeJson } from "./json-text.ts";
import type { MediaType, MediaTypes } from "./media-type.ts";
import { checkRequired, checkVersion, isPresent } from "./received-attributes.ts";
import { undecodable } from "./undecodable.ts";
import { asBuffer, utf8Text } from "./utf8.ts";

const STRUCTURED_TYPE = "application/cloudevents+json; charset=utf-8";

/** The whole event as one JSON document; bytes in it as base64. */
export function encodeStructured(event: RawCloudEvent, media: MediaType): OutboundMessage {
  const document = documentOf(event, media);
  const body = Buffer.from(jsonOf(event, () => xmlSafeJson(document)));
  return {
    id: event.id,
    key: keyOf(event),
    body,
    headers: {},
    contentType: STRUCTURED_TYPE,
    eventBody: writesData(event.data) ? body : undefined,
  };
}

/** Whether JSON has a member for it. What a `toJSON` gives is not known without asking it. */
function writesData(data: unknown): boolean {
  return data !== undefined && typeof (data as { toJSON?: unknown } | null)?.toJSON !== "function";
}

function documentOf(event: RawCloudEvent, media: MediaType): object {
  if (event.data !== undefined && (media.data === "bytes" || media.data === "custom")) {
    const { data: _, ...attributes } = event;
    return { ...attributes, data_base64: asBuffer(writeData(event, media)!).toString("base64") };
  }
  if (event.data !== undefined) checkData(event, media);
  // A toJSON that gives nothing would leave the event without data.
  if (event.data !== undefined && !writesData(event.data)) writeData(event, media);
  // An event is its own JSON document, unless it is an object of another library that writes itself in its own way.
  return typeof event.toJSON === "function" ? { ...event, toJSON: undefined } : event;
}

/** Reads a document, or a batch of one. */
export function decodeStructured(message: WireMessage, mediaTypes: MediaTypes): Decoded {
  if (message.body === null || message.body.length === 0) throw undecodable("its body is empty");
  const document = documentBytes(message.body);
  if (document === undefined) throw undecodable("its body is no JSON document");
  const members = onlyEvent(message.parsed?.take(message.body) ?? parsedText(document.bytes));
  checkVersion(members.specversion);

  const event: Record<string, unknown> = { specversion: undefined, id: undefined, source: undefined, type: undefined };
  let bookkeeping: Bookkeeping = noBookkeeping;
  for (const name of Object.keys(members)) {
    const value = members[name];
    if (name === "data" || name === "data_base64" || value === null) continue;
    if (!isAttributeName(name)) throw undecodable(`its member ${JSON.stringify(name.slice(0, 80))} names no attribute`);
    if (isBookkeepingName(name)) bookkeeping = addBookkeeping(bookkeeping, name, value);
    else if (typeof value !== "string") event[name] = typedValue(name, value);
    else if (isPresent(name, value)) event[name] = value;
  }
  // A producer may have a member of the same name further on, and the parser takes the last one: what we inserted counts.
  if (bookkeeping !== noBookkeeping) bookkeeping = { ...bookkeeping, ...readFrontMembers(document.bytes) };
  checkRequired(event);
  addData(event, members, mediaTypes(event.datacontenttype as string | undefined));
  return {
    event: event as RawCloudEvent,
    bookkeeping: mergeBookkeeping(bookkeepingHeaders(message), bookkeeping),
  };
}

function parsedText(bytes: Uint8Array): unknown {
  const text = utf8Text(bytes);
  if (text === undefined) throw undecodable("its body is no valid UTF-8");
  const parsed = parseJson(text);
  if (parsed === undefined) throw undecodable("its body is no valid JSON");
  return parsed;
}

function onlyEvent(parsed: unknown): Record<string, unknown> {
  if (!Array.isArray(parsed)) return parsed as Record<string, unknown>;
  if (parsed.length !== 1) throw undecodable(`it is a batch of ${parsed.length} events, and one message is one event`);
  const only: unknown = parsed[0];
  if (typeof only !== "object" || only === null || Array.isArray(only)) throw undecodable("its batch holds no event");
  return only as Record<string, unknown>;
}

/** Extensions may be 32-bit integers and booleans; what CloudEvents itself defines is text. */
function typedValue(name: string, value: unknown): number | boolean {
  const isExtension = !isContextAttribute(name);
  if (isExtension && typeof value === "boolean") return value;
  if (isExtension && typeof value === "number" && (value | 0) === value) return value;
  throw undecodable(`its attribute ${name} is ${isExtension ? "no text, 32-bit integer or boolean" : "no text"}`);
}

function addData(event: Record<string, unknown>, members: Record<string, unknown>, media: MediaType): void {
  const base64 = members.data_base64;
  if (base64 !== undefined && base64 !== null) {
    if (Object.hasOwn(members, "data")) throw undecodable("it has both data and data_base64");
    event.data = readData(base64Bytes(base64), media);
  } else if (Object.hasOwn(members, "data")) {
    event.data = inlineData(members.data, media);
  }
}

function inlineData(data: unknown, media: MediaType): unknown {
  if (media.data === "json" || (media.data === "text" && typeof data === "string")) return data;
  if (media.isJson) return readData(Buffer.from(JSON.stringify(data)), media);
  if (media.otherCharset) throw undecodable("its text claims a charset that a JSON document cannot have");
  if (typeof data !== "string") throw undecodable("its data is no string, and its content type no JSON");
  return readData(Buffer.from(data), media);
}

function base64Bytes(text: unknown): Uint8Array {
  if (typeof text !== "string") throw undecodable("its data_base64 is no string");
  const bytes = Buffer.from(text, "base64");
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  // The decoder skips what is no base64, so that less comes out than the length promises.
  if (bytes.length !== Math.floor(((text.length - padding) * 3) / 4)) throw undecodable("its data_base64 is no base64");
  return bytes;
}

function bookkeepingHeaders(message: WireMessage): Bookkeeping {
  let found = noBookkeeping;
  for (const name in message.headers) {
    const own = name.toLowerCase();
    if (isBookkeepingName(own)) found = addBookkeeping(found, own, message.headers[name]);
  }
  return found;
}
