import type { WireMessage } from "../spi/wire-message.ts";
import { decodeBinary, encodeBinary } from "./binary-mode.ts";
import { noBookkeeping, replaceBookkeepingHeaders } from "./bookkeeping.ts";
import type { Codec, Serializer } from "./codec.ts";
import { readWrapper } from "./dead-letter-wrapper.ts";
import { readData, writeData } from "./event-data.ts";
import { contentTypeOf, hasEventHeaders } from "./event-headers.ts";
import { readFrontMembers, replaceFrontMembers } from "./front-members.ts";
import type { Bookkeeping } from "./headers.ts";
import { bodyOf, documentBytes } from "./json-bytes.ts";
import { parseJson } from "./json-text.ts";
import { createMediaTypes } from "./media-type.ts";
import { decodeStructured, encodeStructured } from "./structured-mode.ts";
import { undecodable } from "./undecodable.ts";
import { utf8Text } from "./utf8.ts";

export interface CodecOptions {
  /** Asked in this order, before the built-in ones for JSON, text and bytes. */
  readonly serializers?: readonly Serializer[];
}

/** A codec keeps nothing between two messages but a bounded cache of content types: one may serve the whole process. */
export function createCodec(options: CodecOptions = {}): Codec {
  const mediaTypes = createMediaTypes(options.serializers ?? []);
  const codec: Codec = {
    encode(event, { headers }) {
      const media = mediaTypes(event.datacontenttype);
      // Data that is itself a structured event would be taken for one by its content type: it goes inside a document.
      return headers && media.envelope === "none" ? encodeBinary(event, media) : encodeStructured(event, media);
    },

    decode(message) {
      const contentType = contentTypeOf(message);
      const { envelope } = mediaTypes(contentType);
      if (envelope === "unknown") throw undecodable(`its format ${JSON.stringify(contentType)} is not read`);
      if (envelope !== "none") return decodeStructured(message, mediaTypes);
      const decoded = decodeBinary(message, mediaTypes);
      if (decoded !== undefined) return decoded;
      // Brokers without headers have no content type either: only the body can say what it is.
      if (message.body === null || documentBytes(message.body) === undefined) {
        throw undecodable("it has neither a specversion header nor a JSON document as body");
      }
      try {
        return decodeStructured(message, mediaTypes);
      } catch (error) {
        // A topic of dead letters can be subscribed to like any other: with headers the original is there to be read, here it is inside.
        const record = readWrapper(message);
        if (record === undefined) throw error;
        return { event: codec.decode(record.original).event, bookkeeping: ofWrapper(message.body) };
      }
    },

    dataBytes: (event) => writeData(event, mediaTypes(event.datacontenttype)),
    dataOf: (bytes, datacontenttype) => readData(bytes, mediaTypes(datacontenttype)),
    withBookkeeping(message, bookkeeping) {
      const { envelope } = mediaTypes(contentTypeOf(message));
      const isStructured = envelope === "event" || envelope === "batch" || isBareDocument(message);
      const body = isStructured ? bodyWithBookkeeping(message.body, bookkeeping) : undefined;
      return body === undefined
        ? { ...message, headers: replaceBookkeepingHeaders(message.headers, bookkeeping) }
        : { ...message, body, headers: replaceBookkeepingHeaders(message.headers, noBookkeeping) };
    },
  };
  return codec;
}

/** What travels with the dead letter itself; the original's own ended when it was given up. */
function ofWrapper(body: Uint8Array): Bookkeeping {
  const document = documentBytes(body);
  return document === undefined ? noBookkeeping : readFrontMembers(document.bytes);
}

/** An event in structured mode, or a dead letter, that only its body shows to be one. Any other JSON is application data, which nobody writes into. */
function isBareDocument(message: WireMessage): boolean {
  if (message.body === null || hasEventHeaders(message.headers)) return false;
  const document = documentBytes(message.body);
  const text = document === undefined ? undefined : utf8Text(document.bytes);
  if (text === undefined) return false;
  if (text.includes('"specversion"')) {
    const parsed = parseJson(text);
    const event: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
    if (typeof event === "object" && event !== null && Object.hasOwn(event, "specversion")) return true;
  }
  return readWrapper(message) !== undefined;
}

/** Undefined where the document has no place for it. */
function bodyWithBookkeeping(body: Uint8Array | null, bookkeeping: Bookkeeping): Uint8Array | undefined {
  const document = body === null ? undefined : documentBytes(body);
  if (document === undefined) return undefined;
  const bytes = replaceFrontMembers(document.bytes, bookkeeping);
  return bytes === undefined ? undefined : bodyOf({ bytes, base64: document.base64 });
}
