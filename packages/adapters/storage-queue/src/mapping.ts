import type { DequeuedMessageItem, PeekedMessageItem } from "@azure/storage-queue";
import type { OutboundMessage, WireMessage } from "@waybill/core/spi";
import { MAX_MESSAGE_BYTES } from "./capabilities.ts";
import { storageQueueErrors } from "./errors.ts";
import type { Encoding } from "./options.ts";

/**
 * Room that a message on its way to a handler leaves for the attempt that a release writes into it. Without it the largest message could
 * not be counted, and would be tried for ever.
 */
export const ATTEMPT_BYTES = 64;

const EMPTY = new Uint8Array();
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What XML 1.0 cannot hold, and the carriage return, which the SDK's parser gives back as the five characters of its escape. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that the broker's XML refuses
const HOSTILE = /[\u0000-\u0008\u000b-\u001f\ufffe\uffff]/;

const base64Length = (bytes: number) => Math.ceil(bytes / 3) * 4;

/** Bytes of the 64 KiB that the message takes, with so many more bytes of body. */
export function measure(message: OutboundMessage, encoding: Encoding, room: number): number {
  const bytes = (message.body?.byteLength ?? 0) + room;
  return encoding === "base64" ? base64Length(bytes) : bytes;
}

/** The message as queue text. Throws, kind `invalid`, what a queue could not give back as it was. */
export function toText(message: WireMessage, encoding: Encoding): string {
  if (message.body === null) throw unfit(message, "it has no body");
  const names = Object.keys(message.headers);
  if (names.length > 0) throw unfit(message, `it has headers (${names.slice(0, 5).join(", ")})`);
  if (encoding === "base64") return base64(message.body);
  let text: string;
  try {
    text = utf8.decode(message.body);
  } catch {
    throw storageQueueErrors.WB_STORAGE_QUEUE_TEXT({ id: message.id, problem: "is not UTF-8" });
  }
  const hostile = HOSTILE.exec(text)?.[0];
  if (hostile !== undefined) {
    const point = hostile.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
    throw storageQueueErrors.WB_STORAGE_QUEUE_TEXT({ id: message.id, problem: `holds U+${point}` });
  }
  return text;
}

/** A received or peeked item as a message; `encoding` decides only about text that could be either. */
export function toMessage(item: DequeuedMessageItem | PeekedMessageItem, encoding: Encoding): WireMessage {
  return {
    id: item.messageId,
    body: toBody(item.messageText, encoding),
    headers: {},
    timeMs: item.insertedOn.getTime(),
  };
}

/**
 * Reads both encodings. JSON starts with a brace, which Base64 does not have. Any other text is Base64 if it reads as such and we write Base64 ourselves, or
 * if JSON comes out.
 */
export function toBody(text: string | undefined, encoding: Encoding): Uint8Array {
  if (text === undefined || text === "") return EMPTY;
  const decoded = Buffer.from(text, "base64");
  const isBase64 = text.length % 4 === 0 && decoded.toString("base64") === text;
  if (isBase64 && (encoding === "base64" || startsLikeJson(decoded))) return decoded;
  return Buffer.from(withCarriageReturns(text), "utf8");
}

const OBJECT_START = /^\ufeff?\s*\{/;
const startsLikeJson = (bytes: Buffer) => OBJECT_START.test(bytes.subarray(0, 64).toString("utf8"));

/**
 * The SDK leaves the escape `&#xD;` as it stands. In JSON, where a real one can only be white space between tokens, that breaks the
 * document: so it is put back where it does.
 */
function withCarriageReturns(text: string): string {
  if (!text.includes("&#xD;") || !OBJECT_START.test(text) || isJson(text)) return text;
  const repaired = text.replaceAll("&#xD;", "\r");
  return isJson(repaired) ? repaired : text;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

export function fits(text: string): boolean {
  return Buffer.byteLength(text) <= MAX_MESSAGE_BYTES;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

const unfit = (message: WireMessage, problem: string) =>
  storageQueueErrors.WB_STORAGE_QUEUE_MESSAGE({ id: message.id, problem });

/** Whole seconds, as the broker counts: rounded up, so that nothing is early and no wait turns into none. */
export function toSeconds(ms: number): number {
  return Math.max(0, Math.ceil(ms / 1_000));
}
