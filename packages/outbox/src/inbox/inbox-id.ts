import { createHash } from "node:crypto";
import type { InboxKey } from "@waybill/core";

const V7 = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** The time in an event's id, in milliseconds since the epoch, where that is a UUID version 7. */
export function idTimeMs(id: string): number | undefined {
  const parts = V7.exec(id);
  return parts === null ? undefined : Number.parseInt(parts[1]! + parts[2]!, 16);
}

/**
 * 26 bytes for any four strings: the time in the event's id, where that is a UUID version 7, then a digest of all four. The same
 * event always has the same time, so a record is found in the partition of that day and nowhere else. JSON keeps the strings apart and escapes what
 * UTF-8 could not tell apart: lone surrogates.
 */
export function inboxId({ topic, subscription, source, id }: InboxKey): Buffer {
  const time = idTimeMs(id);
  const digest = createHash("sha256")
    .update(JSON.stringify([topic, subscription, source, id]))
    .digest();
  return Buffer.concat([timeBytes(time), digest.subarray(0, 20)]);
}

function timeBytes(ms: number = 0): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(ms, 0, 6);
  return bytes;
}

/** The least id with a time from `ms` on, as a literal of SQL. */
export function idBound(ms: number): string {
  return `x'${Math.max(1, Math.floor(ms)).toString(16).padStart(12, "0")}'`;
}
