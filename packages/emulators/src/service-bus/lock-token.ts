import { randomFillSync } from "node:crypto";
import { Uuid } from "../amqp/values.ts";

const POOL = 4096;
let pool = Buffer.alloc(0);
let used = 0;

/** Sixteen random bytes that say they are a version 4 UUID, in network order. */
export function newUuid(): Uuid {
  if (used + 16 > pool.length) {
    pool = randomFillSync(Buffer.allocUnsafeSlow(POOL));
    used = 0;
  }
  const bytes = pool.subarray(used, used + 16);
  used += 16;
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return new Uuid(bytes);
}

export const newUuidText = (): string => newUuid().bytes.toString("hex");

/** The bytes of .NET's Guid, which a delivery tag carries: its first three numbers are little-endian. Its own inverse. */
export function reorder(bytes: Buffer): Buffer {
  return Buffer.of(...[3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15].map((at) => bytes[at] ?? 0));
}
