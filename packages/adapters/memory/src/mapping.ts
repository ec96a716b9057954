import {
  type Bookkeeping,
  createCodec,
  type DeadLetterReason,
  encodeDeadLetter,
  type OutboundMessage,
  type WireMessage,
} from "@waybill/core/spi";
import type { Profile } from "./capabilities.ts";

const codec = createCodec();
const NO_HEADERS = Object.freeze({});

/**
 * What the broker keeps of a message. The body's bytes are shared, not copied. A broker without headers keeps nothing but
 * the body; it then gives its own id, as on its wire.
 */
export function stored(message: OutboundMessage, nowMs: number, brokerId: string | undefined): WireMessage {
  if (brokerId !== undefined) {
    return {
      id: brokerId,
      key: undefined,
      body: message.body,
      headers: NO_HEADERS,
      contentType: undefined,
      timeMs: nowMs,
    };
  }
  return {
    id: message.id,
    key: message.key,
    body: message.body,
    headers: message.headers,
    contentType: message.contentType,
    timeMs: nowMs,
  };
}

/** Bytes of a message as the profile's broker counts them: the body, and headers and framing where it counts those. */
export function measureFor({ overheadBytes, sender }: Profile): (message: OutboundMessage) => number {
  if (overheadBytes === 0 || !sender.headers) return (message) => message.body?.byteLength ?? 0;
  return (message) => {
    let bytes = overheadBytes + (message.body?.byteLength ?? 0) + (message.key?.length ?? 0);
    for (const name in message.headers) {
      const value = message.headers[name]!;
      bytes += Buffer.byteLength(name) + (typeof value === "string" ? Buffer.byteLength(value) : value.byteLength);
    }
    return bytes;
  };
}

/** What lies in the broker's own dead-letter store: the original, and the reason as headers beside it. */
export function deadLetterRecord(original: WireMessage, reason: DeadLetterReason): WireMessage {
  const record = encodeDeadLetter(original, reason, { headers: true, fits: () => true });
  return { ...original, headers: record.headers };
}

/** The same message, marked with the attempt that its next delivery is: in a header, or in the document where there are none. */
export function withAttempt(message: WireMessage, attempt: number, carriesHeaders: boolean): WireMessage {
  const marked = codec.withBookkeeping(message, { ...bookkeepingOf(message), attempt });
  return carriesHeaders ? marked : { ...marked, headers: NO_HEADERS };
}

function bookkeepingOf(message: WireMessage): Bookkeeping {
  try {
    return codec.decode(message).bookkeeping;
  } catch {
    // What is no event has none.
    return {};
  }
}
