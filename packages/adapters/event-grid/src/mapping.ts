import { randomUUID } from "node:crypto";
import { HEADER, type OutboundMessage, ParsedBody, type WireMessage } from "@waybill/core/spi";
import { eventGridErrors } from "./errors.ts";

/**
 * Event Grid takes nothing but CloudEvents. What is none (a dead letter, bytes of somebody else) travels as the data of one of this type,
 * and is taken out of it again where it arrives.
 */
const CARRIER = { source: "/waybill", type: "dev.waybill.message" } as const;
/** An event without data, which namespace topics refuse, has `data: null` and this extension on its way. */
const NO_DATA = "wbnodata";
/** In a domain `source` names the domain topic: the event's own stands here on its way. */
const OWN_SOURCE = "wbsource";
const STRUCTURED_TYPE = "application/cloudevents+json; charset=utf-8";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The message as a CloudEvent in JSON, as Event Grid takes it. Throws, kind `invalid`, what could not arrive as it is. */
export function toDocument(message: OutboundMessage): Uint8Array {
  if (message.body === null) throw unfit(message, "it has no body");
  for (const _ in message.headers) {
    const names = Object.keys(message.headers).slice(0, 5).join(", ");
    throw unfit(message, `it has headers (${names})`);
  }
  if (message.eventBody === message.body) return message.body;
  const text = textOf(message.body);
  const parsed = text === undefined ? undefined : parse(text);
  if (!isEvent(parsed)) return documentOf(carrierOf(message, message.body, text, parsed));
  if (parsed.data === undefined && typeof parsed.data_base64 !== "string") {
    return documentOf({ ...parsed, [NO_DATA]: true, data: null });
  }
  return message.body;
}

/** JSON that reads and writes to the same text stays readable for people; anything else is Base64, and as exact. */
function carrierOf(message: OutboundMessage, body: Uint8Array, text: string | undefined, parsed: unknown): object {
  const { id, key, contentType } = message;
  const inline = parsed !== undefined && parsed !== null && JSON.stringify(parsed) === text;
  return {
    specversion: "1.0",
    id: id === "" ? randomUUID() : id,
    ...CARRIER,
    ...(key === undefined ? {} : { partitionkey: key }),
    ...(contentType === undefined ? {} : { datacontenttype: contentType }),
    ...(inline ? { data: parsed } : { data_base64: Buffer.from(body).toString("base64") }),
  };
}

const documentOf = (event: object): Uint8Array => Buffer.from(JSON.stringify(event));

/** The same event for a domain topic. */
export function addressed(document: Uint8Array, domainTopic: string): Uint8Array {
  const event = JSON.parse(Buffer.from(document).toString("utf8")) as Record<string, unknown>;
  return documentOf({ ...event, source: domainTopic, [OWN_SOURCE]: event.source });
}

/** A received event as the message that it was, which owns it from now on. An attempt that it carries was that of its first delivery: the later ones count on. */
export function toMessage(received: Readonly<Record<string, unknown>>, deliveryCount = 1): WireMessage {
  const event = countedOn(withoutMarks(received), deliveryCount - 1);
  const id = String(event.id ?? "");
  if (event.type === CARRIER.type && event.source === CARRIER.source) {
    const { data, data_base64: base64, partitionkey, datacontenttype } = event;
    return {
      id,
      key: typeof partitionkey === "string" ? partitionkey : undefined,
      body: Buffer.from(typeof base64 === "string" ? Buffer.from(base64, "base64") : JSON.stringify(data ?? null)),
      headers: {},
      contentType: typeof datacontenttype === "string" ? datacontenttype : undefined,
    };
  }
  const body = Buffer.from(JSON.stringify(event));
  return {
    id,
    key: typeof event.partitionkey === "string" ? event.partitionkey : undefined,
    body,
    parsed: new ParsedBody(body, event),
    headers: {},
    contentType: STRUCTURED_TYPE,
  };
}

function countedOn(event: Readonly<Record<string, unknown>>, more: number): Readonly<Record<string, unknown>> {
  const attempt = event[HEADER.attempt];
  if (more < 1 || typeof attempt !== "string" || !/^\d{1,9}$/.test(attempt)) return event;
  return { ...event, [HEADER.attempt]: String(Number(attempt) + more) };
}

/** What the way here needed is taken off. */
function withoutMarks(received: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  let event = received;
  if (Object.hasOwn(event, NO_DATA)) {
    const { [NO_DATA]: _, data, ...rest } = event;
    event = data === null || data === undefined ? rest : { ...rest, data };
  }
  if (typeof event[OWN_SOURCE] === "string") {
    const { [OWN_SOURCE]: source, ...rest } = event;
    // In its place: the order of members stays what it was.
    event = { ...rest, source };
  }
  return event;
}

/** What the service takes for a CloudEvent. An object is not enough: the whole batch would be refused with it. */
function isEvent(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const event = value as Record<string, unknown>;
  return event.specversion === "1.0" && [event.id, event.source, event.type].every(isText);
}

const isText = (value: unknown) => typeof value === "string" && value !== "";

function textOf(body: Uint8Array): string | undefined {
  try {
    return utf8.decode(body);
  } catch {
    return undefined;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const unfit = (message: WireMessage, problem: string) =>
  eventGridErrors.WB_EVENT_GRID_MESSAGE({ id: message.id, problem });
