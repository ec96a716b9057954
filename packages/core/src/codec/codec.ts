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
   * `event` has been checked (attributes, not data). `key` is `partitionkey`. Data is a JSON value for JSON types (and without a
   * content type), a string for `text/*` in UTF-8, a `Uint8Array` for any other type, or what a serializer takes; anything else throws
   * WB_DATA_UNSERIALIZABLE. Bytes are not copied: do not change them afterwards.
   */
  encode(event: RawCloudEvent, options: { headers: boolean }): OutboundMessage;
  /**
   * Throws WB_EVENT_UNDECODABLE and nothing else, whatever the bytes. Required attributes must be there, names and values must be what
   * CloudEvents allows; an empty or null optional attribute is read as unset; times and URIs are not checked. Bytes as data are a view of the body.
   */
  decode(message: WireMessage): Decoded;
  /**
   * The same message with other bookkeeping, everything else byte for byte: for retry copies and redrives. Empty bookkeeping gives back what
   * the producer wrote. Never throws: what is no event in structured mode, readable or not, gets headers.
   */
  withBookkeeping(message: WireMessage, bookkeeping: Bookkeeping): OutboundMessage;
  /** The bytes that binary mode would have as body; null without data. Throws WB_DATA_UNSERIALIZABLE. */
  dataBytes(event: RawCloudEvent): Uint8Array | null;
  /** The inverse, for bytes of this content type. Throws WB_EVENT_UNDECODABLE. */
  dataOf(bytes: Uint8Array, datacontenttype: string | undefined): unknown;
}
