import { createHash } from "node:crypto";

/** What names a key in its topic, of any length, made by the database: NULL without a key. A topic holds no zero byte. */
export const KEY_HASH = "UNHEX(SHA1(CONCAT(topic, CHAR(0), msg_key)))";

/** The same made here. */
export function keyHash(topic: string, key: string): Buffer {
  return createHash("sha1").update(`${topic}\0`).update(key).digest();
}
