import type { Headers } from "../spi/wire-message.ts";
import { type Bookkeeping, HEADER } from "./headers.ts";
import { isTimestamp } from "./timestamp.ts";
import { utf8Text } from "./utf8.ts";

/** RFC 3339 sets no limit to the decimals; nobody writes more than this, and what stands before the event must stay small. */
export const MAX_TIME_LENGTH = 40;

export const noBookkeeping: Bookkeeping = Object.freeze({});

/** The header and member names of {@link Bookkeeping}; no event may have extensions of these names. */
export function isBookkeepingName(name: string): boolean {
  return name === HEADER.attempt || name === HEADER.firstFailure || name === HEADER.redrives;
}

/** Reads one field and gives the record with it. Whatever is no positive integer or no RFC 3339 time is ignored. */
export function addBookkeeping(to: Bookkeeping, name: string, value: unknown): Bookkeeping {
  const text = value instanceof Uint8Array ? utf8Text(value) : typeof value === "number" ? String(value) : value;
  if (typeof text !== "string") return to;
  if (name === HEADER.firstFailure) return isTimestamp(text) ? { ...to, firstFailure: text } : to;
  const count = readCount(text);
  if (count === undefined) return to;
  if (name === HEADER.attempt) return { ...to, attempt: count };
  return name === HEADER.redrives ? { ...to, redrives: count } : to;
}

/**
 * Bookkeeping from two places of one message, the later and the earlier written: a broker that keeps the attempt on release writes a header, also
 * on a message that carries its own in the document. Counts only grow, so the larger one is the newer.
 */
export function mergeBookkeeping(first: Bookkeeping, second: Bookkeeping): Bookkeeping {
  if (first === noBookkeeping) return second;
  if (second === noBookkeeping) return first;
  return fieldsOf({
    attempt: larger(first.attempt, second.attempt),
    firstFailure: first.firstFailure ?? second.firstFailure,
    redrives: larger(first.redrives, second.redrives),
  });
}

/** The names and texts to write, in one fixed order. What a reader would not accept is not written. */
export function bookkeepingEntries(bookkeeping: Bookkeeping): [name: string, text: string][] {
  const entries: [string, string][] = [];
  const { attempt, firstFailure, redrives } = bookkeeping;
  if (isCount(attempt)) entries.push([HEADER.attempt, String(attempt)]);
  if (firstFailure !== undefined && firstFailure.length <= MAX_TIME_LENGTH && isTimestamp(firstFailure))
    entries.push([HEADER.firstFailure, firstFailure]);
  if (isCount(redrives)) entries.push([HEADER.redrives, String(redrives)]);
  return entries;
}

/** Headers with other bookkeeping; the rest as it was. */
export function replaceBookkeepingHeaders(headers: Headers, bookkeeping: Bookkeeping): Headers {
  const kept = Object.entries(headers).filter(([name]) => !isBookkeepingName(name.toLowerCase()));
  // fromEntries defines properties, so that a header named `__proto__` is one.
  return Object.fromEntries([...kept, ...bookkeepingEntries(bookkeeping)]);
}

function fieldsOf(bookkeeping: Bookkeeping): Bookkeeping {
  return Object.fromEntries(Object.entries(bookkeeping).filter(([, value]) => value !== undefined));
}

function larger(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || (b !== undefined && b > a) ? b : a;
}

/** Nine digits: no count in earnest is longer, and it fits every integer type on the way. */
export function readCount(text: string): number | undefined {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}

function isCount(value: number | undefined): value is number {
  return Number.isInteger(value) && value! > 0 && value! < 1e9;
}
