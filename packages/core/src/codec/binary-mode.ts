import type { RawCloudEvent } from "../events/cloud-event.ts";
import type { OutboundMessage, WireMessage } from "../spi/wire-message.ts";
import {
  attributeHeader,
  BROKEN_ATTRIBUTE_HEADER,
  CONTENT_TYPE_HEADER,
  FOREIGN_HEADER,
  headerRole,
  OWN_HEADER,
} from "./attribute-name.ts";
import { addNoData, addType, restoreTypes, saysNoData } from "./attribute-types.ts";
import { addBookkeeping, noBookkeeping } from "./bookkeeping.ts";
import type { Decoded } from "./codec.ts";
import { readData, writeData } from "./event-data.ts";
import { hasEventHeaders, headerText } from "./event-headers.ts";
import { keyOf } from "./event-key.ts";
import { HEADER } from "./headers.ts";
import type { MediaType, MediaTypes } from "./media-type.ts";
import { checkRequired, checkVersion, isPresent } from "./received-attributes.ts";
import { undecodable } from "./undecodable.ts";
import { utf8Text } from "./utf8.ts";

/** Attributes as `ce_*` headers, data as body. */
export function encodeBinary(event: RawCloudEvent, media: MediaType): OutboundMessage {
  const headers: Record<string, string> = {
    ce_specversion: "1.0",
    ce_id: event.id,
    ce_source: event.source,
    ce_type: event.type,
  };
  let types = "";
  for (const name in event) {
    switch (name) {
      case "specversion":
      case "id":
      case "source":
      case "type":
      case "datacontenttype":
      case "data":
        continue;
    }
    const value = event[name] as string | number | boolean | undefined | null;
    if (value === undefined || value === null) continue;
    if (typeof value === "string") {
      headers[attributeHeader(name)] = value;
    } else {
      headers[attributeHeader(name)] = String(value);
      types = addType(types, name, value);
    }
  }
  const body = writeData(event, media);
  if (body === null && media.data !== "json") types = addNoData(types);
  if (types !== "") headers[HEADER.types] = types;
  return {
    id: event.id,
    key: keyOf(event),
    body,
    headers,
    contentType: event.datacontenttype,
  };
}

/** The event in headers and body; undefined where no header says that it is one. */
export function decodeBinary(message: WireMessage, mediaTypes: MediaTypes): Decoded | undefined {
  const { headers, body } = message;
  if (!hasEventHeaders(headers)) return undefined;
  const event: Record<string, unknown> = { specversion: undefined, id: undefined, source: undefined, type: undefined };
  let contentType = message.contentType;
  let bookkeeping = noBookkeeping;
  let types: string | undefined;
  for (const name in headers) {
    const role = headerRole(name);
    if (role === FOREIGN_HEADER) continue;
    const value = headers[name]!;
    if (role === BROKEN_ATTRIBUTE_HEADER)
      throw undecodable(`the header ${JSON.stringify(name.slice(0, 80))} names no attribute`);
    if (role.startsWith(OWN_HEADER)) {
      const own = role.slice(OWN_HEADER.length);
      if (own === HEADER.types) types = typeof value === "string" ? value : utf8Text(value);
      else bookkeeping = addBookkeeping(bookkeeping, own, value);
      continue;
    }
    const text = typeof value === "string" ? value : headerText(name, value);
    if (role === "datacontenttype" || role === CONTENT_TYPE_HEADER) {
      // The message's own content type says it better; some producers send the attribute as well.
      contentType ??= text;
    } else if (isPresent(role, text)) {
      event[role] = text;
    }
  }
  checkVersion(event.specversion);
  checkRequired(event);
  if (contentType !== undefined && contentType !== "") event.datacontenttype = contentType;
  if (types !== undefined) restoreTypes(event, types);
  const media = mediaTypes(contentType);
  // JSON is never empty, so no bytes mean no data there; they are a legal text and a legal file, unless the sender says otherwise.
  if (body !== null && (body.length > 0 || (media.data !== "json" && !saysNoData(types)))) {
    event.data = readData(body, media);
  }
  return { event: event as RawCloudEvent, bookkeeping };
}
