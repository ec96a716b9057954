import type { Headers, WireMessage } from "../spi/wire-message.ts";
import { CONTENT_TYPE_HEADER, headerRole } from "./attribute-name.ts";
import { undecodable } from "./undecodable.ts";
import { utf8Text } from "./utf8.ts";

/** True where the headers say that the message is an event in binary mode. */
export function hasEventHeaders(headers: Headers): boolean {
  if (headers.ce_specversion !== undefined) return true;
  for (const name in headers) if (headerRole(name) === "specversion") return true;
  return false;
}

/** The content type of a message, also of one whose adapter left it among the headers. One that is no text counts as none. */
export function contentTypeOf(message: WireMessage): string | undefined {
  if (message.contentType !== undefined) return message.contentType;
  for (const name in message.headers) {
    if (headerRole(name) !== CONTENT_TYPE_HEADER) continue;
    const value = message.headers[name]!;
    return typeof value === "string" ? value : utf8Text(value);
  }
  return undefined;
}

/** A header's text; foreign producers give bytes. */
export function headerText(name: string, value: string | Uint8Array): string {
  if (typeof value === "string") return value;
  const text = utf8Text(value);
  if (text === undefined) throw undecodable(`the header ${JSON.stringify(name)} is no valid UTF-8`);
  return text;
}
