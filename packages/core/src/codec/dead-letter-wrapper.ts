import type { DeadLetterReason } from "../spi/delivery.ts";
import type { Headers, OutboundMessage, WireMessage } from "../spi/wire-message.ts";
import type { DeadLetter } from "./dead-letter.ts";
import { readReason, reasonEntries } from "./dead-letter-reason.ts";
import { documentBytes } from "./json-bytes.ts";
import { parseJson, xmlSafeJson } from "./json-text.ts";
import { asBuffer, utf8Text } from "./utf8.ts";

const WRAPPER_TYPE = "application/vnd.waybill.dead-letter+json";
const CLOSE_BRACE = 0x7d;

/**
 * Writes records for a destination without headers: `{"wbreason":…, …, "wbbytes":N,"original":{…}}`. The N bytes are the original's own,
 * so that a person can read them and a program can slice them out unchanged. A body that is no JSON object, or could be changed by an XML
 * wire, stands in `originalbase64`. Whatever else the original had stands beside it: id, key, contentType, headers.
 */
export function wrapperOf(original: WireMessage, reason: DeadLetterReason): (error: string) => OutboundMessage {
  const { id, key, body, headers, contentType } = original;
  const beside = {
    id,
    key,
    contentType,
    headers: Object.keys(headers).length === 0 ? undefined : writableHeaders(headers),
  };
  const rest = asBuffer(
    body !== null && isInlinable(body)
      ? Buffer.concat([Buffer.from(marker(body.length)), body, Buffer.from("}")])
      : Buffer.from(`,"originalbase64":${body === null ? "null" : `"${asBuffer(body).toString("base64")}"`}}`),
  );
  return (error) => {
    const members = xmlSafeJson({ ...Object.fromEntries(reasonEntries({ ...reason, error })), ...beside });
    return {
      id,
      key,
      body: Buffer.concat([Buffer.from(members.slice(0, -1)), rest]),
      headers: {},
      contentType: WRAPPER_TYPE,
    };
  };
}

/** The inverse; undefined for what does not look like a wrapper. Storage queues keep no content type, so the shape decides. */
export function readWrapper(record: WireMessage): DeadLetter | undefined {
  const document = record.body === null ? undefined : documentBytes(record.body);
  const text = document === undefined ? undefined : utf8Text(document.bytes);
  if (document === undefined || text?.includes('"wbreason"') !== true) return undefined;
  const members = parseJson(text);
  if (!isObject(members)) return undefined;
  const reason = readReason((name) => (Object.hasOwn(members, name) ? members[name] : undefined));
  const body = originalBody(document.bytes, members);
  if (reason === undefined || body === undefined) return undefined;
  return {
    original: {
      id: typeof members.id === "string" ? members.id : record.id,
      key: typeof members.key === "string" ? members.key : undefined,
      body,
      headers: isObject(members.headers) ? readHeaders(members.headers) : {},
      contentType: typeof members.contentType === "string" ? members.contentType : undefined,
      timeMs: record.timeMs,
    },
    reason,
  };
}

function originalBody(bytes: Uint8Array, members: Record<string, unknown>): Uint8Array | null | undefined {
  const { originalbase64, original, wbbytes } = members;
  if (originalbase64 === null) return null;
  if (typeof originalbase64 === "string") return Buffer.from(originalbase64, "base64");
  if (!isObject(original)) return undefined;
  const end = bytes.length - 1;
  const start = end - Number(wbbytes);
  const before = marker(end - start);
  const isExact =
    bytes[end] === CLOSE_BRACE &&
    asBuffer(bytes).toString("latin1", Math.max(0, start - before.length), start) === before;
  // Someone on the way wrote the wrapper anew (a viewer that formats): the same document is the best there is.
  return isExact ? bytes.subarray(start, end) : Buffer.from(JSON.stringify(original));
}

function marker(length: number): string {
  return `,"wbbytes":${length},"original":`;
}

function isInlinable(body: Uint8Array): boolean {
  const text = utf8Text(body);
  // XML turns a carriage return into a line feed and cannot carry the other two; the mark belongs to the start of a document only.
  return text !== undefined && !/[\r\ufffe\uffff]|^\ufeff/.test(text) && isObject(parseJson(text));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function writableHeaders(headers: Headers): object {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      typeof value === "string" ? value : { base64: asBuffer(value).toString("base64") },
    ]),
  );
}

function readHeaders(headers: Record<string, unknown>): Headers {
  const found: [string, string | Uint8Array][] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === "string") found.push([name, value]);
    else if (isObject(value) && typeof value.base64 === "string")
      found.push([name, Buffer.from(value.base64, "base64")]);
  }
  return Object.fromEntries(found);
}
