import type { ParsedBody } from "./parsed-body.ts";

/**
 * Transport headers. CloudEvents attributes stand here as `ce_<name>` on every broker with headers; an adapter for a
 * broker with another prefix (AMQP: `cloudEvents_`) renames them in its `mapping.ts`. Names are as on the wire, values
 * are text, or bytes where a foreign producer wrote bytes.
 */
export type Headers = Readonly<Record<string, string | Uint8Array>>;

/** An event encoded for one broker, or whatever a foreign producer put there. */
export interface WireMessage {
  /** The event's id; for a message that is no event, the broker's own id or position. */
  readonly id: string;
  /** What decides the order: the record key, session id or partition key. */
  readonly key?: string | undefined;
  /** The key's own bytes, where they are no UTF-8: `key` only stands for them then, and a copy on the same broker carries these. */
  readonly keyBytes?: Uint8Array | undefined;
  /** The bytes of the body; `null` where the message has none (on a compacted Kafka topic: a tombstone). */
  readonly body: Uint8Array | null;
  /** Where the adapter had to parse what it then wrote as `body`. Spares the codec doing it again, and changes nothing else. */
  readonly parsed?: ParsedBody | undefined;
  readonly headers: Headers;
  readonly contentType?: string | undefined;
  /** When the broker took it, milliseconds since the epoch, where the broker says so. */
  readonly timeMs?: number | undefined;
}

/** A message on its way out. Times that the sender's capabilities do not allow never reach it: core refuses first. */
export interface OutboundMessage extends WireMessage {
  /** Not to be delivered before this moment. */
  readonly notBefore?: Date | undefined;
  /** Worthless after so many milliseconds. */
  readonly ttlMs?: number | undefined;
  /**
   * The very `body`, where the codec has written it as the JSON of one CloudEvent that has data: a sender that takes nothing else need not parse it to know.
   * Of another message, or in a copy with another body, it differs or is absent, and says nothing.
   */
  readonly eventBody?: Uint8Array | undefined;
}

/** Sets one header on a header record under construction; safe for names such as `__proto__`. */
export function setHeader(
  headers: Record<string, string | Uint8Array>,
  name: string,
  value: string | Uint8Array,
): void {
  if (name === "__proto__") {
    Object.defineProperty(headers, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    headers[name] = value;
  }
}
