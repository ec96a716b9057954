/** Bytes that are mixed at a time. */
const BLOCK = 12;
const START = 0xdeadbeef;

/** Of one key, followed by zeros; grows with the longest key. Nothing awaits while it is in use. */
let scratch = Buffer.alloc(20 * BLOCK);

/**
 * The partition that the service gives a partition key to, `"0"` to `partitionCount - 1`. It is Bob Jenkins' lookup3 (hashlittle2, both seeds 0) over the
 * UTF-8 bytes; both results in one by xor, of which the lower 16 bits count, as a signed number; its distance from zero modulo the partitions.
 */
export function partitionIdOf(key: string, partitionCount: number): string {
  return String(Math.abs(((hash(key) << 16) >> 16) % partitionCount));
}

const rotated = (word: number, by: number) => (word << by) | (word >>> (32 - by));

/** Words are 32 bits wide, which `| 0` and the bit operators see to. */
function hash(key: string): number {
  const length = Buffer.byteLength(key);
  // A whole block of zeros behind the key: the last block is read as if it were full.
  if (length + BLOCK > scratch.length) scratch = Buffer.alloc(2 * (length + BLOCK));
  scratch.write(key);
  scratch.fill(0, length, length + BLOCK);

  let a = (START + length) | 0;
  let b = a;
  let c = a;
  if (length === 0) return c ^ b;
  let at = 0;
  const takeBlock = () => {
    a = (a + scratch.readInt32LE(at)) | 0;
    b = (b + scratch.readInt32LE(at + 4)) | 0;
    c = (c + scratch.readInt32LE(at + 8)) | 0;
    at += BLOCK;
  };
  while (length - at > BLOCK) {
    takeBlock();
    a = (a - c) ^ rotated(c, 4);
    c = (c + b) | 0;
    b = (b - a) ^ rotated(a, 6);
    a = (a + c) | 0;
    c = (c - b) ^ rotated(b, 8);
    b = (b + a) | 0;
    a = (a - c) ^ rotated(c, 16);
    c = (c + b) | 0;
    b = (b - a) ^ rotated(a, 19);
    a = (a + c) | 0;
    c = (c - b) ^ rotated(b, 4);
    b = (b + a) | 0;
  }
  takeBlock();
  c = (c ^ b) - rotated(b, 14);
  a = (a ^ c) - rotated(c, 11);
  b = (b ^ a) - rotated(a, 25);
  c = (c ^ b) - rotated(b, 16);
  a = (a ^ c) - rotated(c, 4);
  b = (b ^ a) - rotated(a, 14);
  c = (c ^ b) - rotated(b, 24);
  return c ^ b;
}
