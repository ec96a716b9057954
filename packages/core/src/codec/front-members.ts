import { addBookkeeping, bookkeepingEntries, MAX_TIME_LENGTH, noBookkeeping } from "./bookkeeping.ts";
import { type Bookkeeping, HEADER } from "./headers.ts";
import { membersStart, skipSpace } from "./json-bytes.ts";
import { asBuffer } from "./utf8.ts";

/**
 * Bookkeeping on brokers without headers is text inserted right behind the first `{` of the document: fixed order, no white space,
 * each member with its comma. So it can be taken out again and every other byte is the producer's, signatures included.
 */
const INSERTION = new RegExp(
  `^(?:"${HEADER.attempt}":"([1-9]\\d{0,8})",)?` +
    `(?:"${HEADER.firstFailure}":"([0-9TtZz:.+-]{20,${MAX_TIME_LENGTH}})",)?` +
    `(?:"${HEADER.redrives}":"([1-9]\\d{0,8})",)?`,
);
const MAX_LENGTH = 160;
const QUOTE = 0x22;

/** What was inserted, if anything. */
export function readFrontMembers(bytes: Uint8Array): Bookkeeping {
  const start = membersStart(bytes);
  if (start < 0) return noBookkeeping;
  const [, attempt, firstFailure, redrives] = insertionAt(bytes, start);
  let found = addBookkeeping(noBookkeeping, HEADER.attempt, attempt);
  found = addBookkeeping(found, HEADER.firstFailure, firstFailure);
  return addBookkeeping(found, HEADER.redrives, redrives);
}

/** The document with other bookkeeping; undefined where there is no object with a member to put it before. */
export function replaceFrontMembers(bytes: Uint8Array, bookkeeping: Bookkeeping): Uint8Array | undefined {
  const start = membersStart(bytes);
  if (start < 0) return undefined;
  const present = insertionAt(bytes, start)[0]!;
  const rest = start + present.length;
  if (bytes[skipSpace(bytes, rest)] !== QUOTE) return undefined;
  let inserted = "";
  for (const [name, text] of bookkeepingEntries(bookkeeping)) inserted += `"${name}":"${text}",`;
  if (inserted === present) return bytes;
  return Buffer.concat([bytes.subarray(0, start), Buffer.from(inserted), bytes.subarray(rest)]);
}

function insertionAt(bytes: Uint8Array, start: number): readonly (string | undefined)[] {
  const text = asBuffer(bytes).toString("latin1", start, Math.min(bytes.length, start + MAX_LENGTH));
  // Every part is optional, so it always matches; what it matches is empty where nothing was inserted.
  return INSERTION.exec(text)!;
}
