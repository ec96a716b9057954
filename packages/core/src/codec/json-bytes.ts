import { asBuffer } from "./utf8.ts";

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

/** The bytes of a JSON document, and whether they stood in the body as base64 (what Azure Functions and older SDKs write). */
export interface DocumentBytes {
  readonly bytes: Uint8Array;
  readonly base64: boolean;
}

/** The document that a body is, by its first character; undefined where it can be no object or array. Nothing is parsed. */
export function documentBytes(body: Uint8Array): DocumentBytes | undefined {
  if (startsDocument(body)) return { bytes: body, base64: false };
  if (body.length === 0 || body.length % 4 !== 0) return undefined;
  // Only canonical base64, so that encoding the document again gives the same body.
  const text = asBuffer(body).toString("latin1");
  const bytes = Buffer.from(text, "base64");
  return startsDocument(bytes) && bytes.toString("base64") === text ? { bytes, base64: true } : undefined;
}

/** The inverse of {@link documentBytes}. */
export function bodyOf(document: DocumentBytes): Uint8Array {
  return document.base64 ? Buffer.from(asBuffer(document.bytes).toString("base64")) : document.bytes;
}

/** Where the members of the document's object begin: behind its first `{`, or that of the only event of a batch; -1 without. */
export function membersStart(bytes: Uint8Array): number {
  let at = firstCharacter(bytes);
  if (bytes[at] === OPEN_BRACKET) at = skipSpace(bytes, at + 1);
  return bytes[at] === OPEN_BRACE ? at + 1 : -1;
}

/** The first position at or behind `at` that is no JSON white space. */
export function skipSpace(bytes: Uint8Array, at: number): number {
  let i = at;
  while (bytes[i] === 0x20 || bytes[i] === 0x0a || bytes[i] === 0x0d || bytes[i] === 0x09) i++;
  return i;
}

function startsDocument(bytes: Uint8Array): boolean {
  const first = bytes[firstCharacter(bytes)];
  return first === OPEN_BRACE || first === OPEN_BRACKET;
}

function firstCharacter(bytes: Uint8Array): number {
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return skipSpace(bytes, hasMark ? 3 : 0);
}
