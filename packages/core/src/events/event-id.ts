import { randomFillSync } from "node:crypto";
import { v7 } from "uuid";

const BYTES = 16;
/** Random bytes for so many ids are drawn at once: drawing them one by one took a third of the whole pipeline's time. */
const pool = new Uint8Array(256 * BYTES);
let used = pool.length;

/** Used again for every id: typed arrays and strings in pieces are large, and there would be a dozen for each event. */
const random = new Uint8Array(BYTES);
const options = { random };
const id = Buffer.alloc(BYTES);
const text = Buffer.alloc(36, "-");

const DIGITS = Buffer.from("0123456789abcdef");
/** Where the two digits of each byte stand in the text. */
const PLACES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/** A new UUIDv7: unique, and in the order of the milliseconds in which they were made. */
export function newEventId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  for (let i = 0; i < BYTES; i++) random[i] = pool[used + i]!;
  used += BYTES;
  v7(options, id);
  for (let i = 0; i < BYTES; i++) {
    const place = PLACES[i]!;
    text[place] = DIGITS[id[i]! >> 4]!;
    text[place + 1] = DIGITS[id[i]! & 15]!;
  }
  return text.toString("latin1");
}
