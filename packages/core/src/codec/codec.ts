import type { RawCloudEvent } from "../events/cloud-event.ts";
import type { OutboundMessage, WireMessage } from "../spi/wire-message.ts";
import type { Bookkeeping } from "./headers.ts";

/** Writes and reads `data` of one content type. JSON and bytes are built in. */
export interface Serializer {
  /** True for the media types (lower case, no parameters) that it handles. */
  readonly accepts: (mediaType: string) => boolean;
  readonly write: (data: unknown) => Uint8Array;
  readonly read: (bytes: Uint8Array) => unknown;
}

/** A message read: the event, and what travelled beside it. */
export interface Decoded {
  readonly event: RawCloudEvent;
  readonly bookkeeping: Bookkeeping;
}

/** CloudEvents 1.0 on the wire: binary mode where there are headers, structured JSON elsewhere; reads both, and the batch-of-one, everywhere. */
export interface Codec {
  /**
   * `event` has been checked (attributes, not data). `key` is `partitionkey`. Throws WB_DATA_UNSERIALIZABLE.
   */
  encode(event: RawCloudEvent, options: { headers: boolean }): OutboundMessage;
  /** Throws WB_EVENT_UNDECODABLE. Never trusts a byte of it. */
  decode(message: WireMessage): Decoded;
  /** The same message with other bookkeeping, everything else byte for byte: for retry copies and redrives. */
  withBookkeeping(message: WireMessage, bookkeeping: Bookkeeping): OutboundMessage;
}
