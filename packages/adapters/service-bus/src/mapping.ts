import { createHash } from "node:crypto";
import type { ServiceBusMessage, ServiceBusReceivedMessage } from "@azure/service-bus";
import { createCodec, HEADER, type OutboundMessage, type WireMessage } from "@waybill/core/spi";
import type { Settings } from "./options.ts";
import { propertyBytes, toHeaders, toProperties } from "./properties.ts";
import { fitId, isBucket, sessionId } from "./session-id.ts";

/** Carries the key of a message whose headers do not: one that is a whole document. */
const KEY_PROPERTY = "wbkey";
const KEY_HEADER = "ce_partitionkey";

/** What an entity is told of a message, beside the message. */
export interface Wire {
  readonly settings: Pick<Settings, "sessions" | "buckets" | "attributePrefix">;
  /** The entity drops a second message of one id. */
  readonly dedupe: boolean;
}

export function toServiceBus(message: OutboundMessage, wire: Wire): ServiceBusMessage {
  const { settings } = wire;
  const session = sessionId(message, settings);
  const out: ServiceBusMessage = {
    // Without a body the SDK would write the text "null".
    body: message.body === null ? Buffer.alloc(0) : bufferOf(message.body),
    messageId: messageId(message, wire),
    applicationProperties: toProperties(headersOf(message), settings.attributePrefix),
  };
  if (message.contentType !== undefined) out.contentType = message.contentType;
  if (session !== undefined) out.sessionId = session;
  // The SDK takes 0 for "for ever".
  if (message.ttlMs !== undefined) out.timeToLive = Math.max(1, Math.ceil(message.ttlMs));
  if (message.notBefore !== undefined && message.notBefore.getTime() > Date.now()) {
    out.scheduledEnqueueTimeUtc = message.notBefore;
  }
  return out;
}

/** With what is written beside them. */
export function headersOf({ key, headers }: OutboundMessage): OutboundMessage["headers"] {
  if (key === undefined || headers[KEY_HEADER] === key) return headers;
  return { ...headers, [KEY_PROPERTY]: key };
}

const FRAMING = 160;

/** Bytes that the message takes on the wire, or a few more: sections, type codes, and what the service adds. */
export function measure(message: OutboundMessage, wire: Wire): number {
  const { settings } = wire;
  const properties = propertyBytes(headersOf(message), settings.attributePrefix);
  const session = settings.sessions === "none" ? 0 : 4 * (sessionId(message, settings)?.length ?? 0);
  const ids = 4 * Math.min(message.id.length, 128) + 96 + Buffer.byteLength(message.contentType ?? "");
  return FRAMING + ids + session + properties + (message.body?.byteLength ?? 0);
}

const codec = createCodec();

/**
 * The event's id. Where the entity drops a second message of one id, it is of `source` and `id`, which only together name an event; and a copy for
 * another attempt, or a redriven one, has an id of its own, or it would be taken for the first and dropped.
 */
function messageId(message: OutboundMessage, { dedupe }: Wire): string {
  if (!dedupe) return fitId(message.id);
  const { source, attempt, redrives } = aboutEvent(message);
  const again = attempt === undefined && redrives === undefined ? "" : `\n${attempt ?? 1}\n${redrives ?? 0}`;
  return createHash("sha256").update(`${source}\n${message.id}${again}`).digest("hex");
}

function aboutEvent(message: OutboundMessage): { source: string; attempt?: string; redrives?: string } {
  const { headers, contentType = "" } = message;
  const text = (name: string) => (headers[name] === undefined ? undefined : String(headers[name]));
  const isDocument = headers.ce_source === undefined || /^application\/cloudevents/i.test(contentType);
  if (isDocument) {
    try {
      const { event, bookkeeping } = codec.decode(message);
      return {
        source: event.source,
        ...(bookkeeping.attempt === undefined ? {} : { attempt: String(bookkeeping.attempt) }),
        ...(bookkeeping.redrives === undefined ? {} : { redrives: String(bookkeeping.redrives) }),
      };
    } catch {
      // No event: its id has to do.
    }
  }
  const attempt = text(HEADER.attempt);
  const redrives = text(HEADER.redrives);
  return {
    source: text("ce_source") ?? "",
    ...(attempt === undefined ? {} : { attempt }),
    ...(redrives === undefined ? {} : { redrives }),
  };
}

/** A received or peeked message. Whatever a foreign producer wrote, this does not throw. */
export function fromServiceBus(received: ServiceBusReceivedMessage): WireMessage {
  const headers = toHeaders(received.applicationProperties ?? {});
  const { [KEY_PROPERTY]: ownKey, [KEY_HEADER]: key, ce_id: id } = headers;
  if (ownKey !== undefined) delete headers[KEY_PROPERTY];
  const { contentType, enqueuedTimeUtc, messageId, sequenceNumber, sessionId: session } = received;
  return {
    id: textOf(id ?? messageId) ?? sequenceNumber?.toString() ?? "",
    key: textOf(ownKey) ?? textOf(key) ?? (session === undefined || isBucket(session) ? undefined : session),
    body: bodyOf(received),
    headers,
    contentType: typeof contentType === "string" && contentType !== "" ? contentType : undefined,
    timeMs: enqueuedTimeUtc?.getTime(),
  };
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : undefined;
}

const EMPTY = new Uint8Array();

/** Bytes of a data section, of several, or of an AMQP value or sequence as other clients write them. */
function bodyOf({ body }: ServiceBusReceivedMessage): Uint8Array {
  if (body instanceof Uint8Array) return body;
  if (body === null || body === undefined) return EMPTY;
  if (typeof body === "string") return Buffer.from(body);
  if (Array.isArray(body) && body.length > 0 && body.every((part) => part instanceof Uint8Array)) {
    return Buffer.concat(body);
  }
  try {
    return Buffer.from(JSON.stringify(body) ?? "");
  } catch {
    return EMPTY;
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
