import { createHash } from "node:crypto";
import { MAX_ID_LENGTH } from "./capabilities.ts";
import type { Settings } from "./options.ts";

/** Stands before a bucket's number. */
const BUCKET = "wb-";

/** The session of a message: its key, or a bucket; undefined without sessions. */
export function sessionId(
  message: { readonly id: string; readonly key?: string | undefined },
  { sessions, buckets }: Pick<Settings, "sessions" | "buckets">,
): string | undefined {
  if (sessions === "none") return undefined;
  const key = message.key === "" ? undefined : message.key;
  if (sessions === "key" && key !== undefined) return fitId(key);
  return `${BUCKET}${bucketOf(key ?? message.id, buckets)}`;
}

export const isBucket = (id: string): boolean => id.startsWith(BUCKET);

/** An id that the service takes: the text itself, or a hash of a longer one. */
export function fitId(text: string): string {
  return text.length <= MAX_ID_LENGTH ? text : `sha256-${createHash("sha256").update(text).digest("hex")}`;
}

/** FNV-1a over UTF-16 code units: fast, the same everywhere, spread well enough for a few buckets. */
function bucketOf(text: string, buckets: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  // The low bits of similar texts are similar: the high ones are folded in.
  hash ^= hash >>> 15;
  return (hash >>> 0) % buckets;
}
