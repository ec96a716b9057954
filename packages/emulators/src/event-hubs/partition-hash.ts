/**
 * The partition of a key: the hash of the service, which its SDKs repeat to place events on the client's side.
 *
 * It is Jenkins' lookup3 with two results, both seeds 0, over the key's UTF-8 bytes; the two are combined by xor, cut to a signed 16-bit
 * number, and the remainder's sign is dropped.
 */
export function partitionOfKey(key: string, partitionCount: number): number {
  const [first, second] = lookup3(Buffer.from(key, "utf8"));
  const hash = ((first ^ second) << 16) >> 16;
  return Math.abs(hash % partitionCount);
}

const SEED = 0xdeadbeef;
const BLOCK = 12;
const rotate = (value: number, bits: number) => (value << bits) | (value >>> (32 - bits));

/** All numbers are 32-bit and wrap around: `| 0` after every addition. */
function lookup3(bytes: Buffer): [number, number] {
  let a = (SEED + bytes.length) | 0;
  let b = a;
  let c = a;
  if (bytes.length === 0) return [c, b];
  let at = 0;
  for (; bytes.length - at > BLOCK; at += BLOCK) {
    a = (a + bytes.readInt32LE(at)) | 0;
    b = (b + bytes.readInt32LE(at + 4)) | 0;
    c = (c + bytes.readInt32LE(at + 8)) | 0;
    a = ((a - c) ^ rotate(c, 4)) | 0;
    c = (c + b) | 0;
    b = ((b - a) ^ rotate(a, 6)) | 0;
    a = (a + c) | 0;
    c = ((c - b) ^ rotate(b, 8)) | 0;
    b = (b + a) | 0;
    a = ((a - c) ^ rotate(c, 16)) | 0;
    c = (c + b) | 0;
    b = ((b - a) ^ rotate(a, 19)) | 0;
    a = (a + c) | 0;
    c = ((c - b) ^ rotate(b, 4)) | 0;
    b = (b + a) | 0;
  }
  // The last one to twelve bytes, as if zeros followed.
  const tail = Buffer.alloc(BLOCK);
  bytes.copy(tail, 0, at);
  a = (a + tail.readInt32LE(0)) | 0;
  b = (b + tail.readInt32LE(4)) | 0;
  c = (c + tail.readInt32LE(8)) | 0;
  c = ((c ^ b) - rotate(b, 14)) | 0;
  a = ((a ^ c) - rotate(c, 11)) | 0;
  b = ((b ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  a = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ a) - rotate(a, 14)) | 0;
  c = ((c ^ b) - rotate(b, 24)) | 0;
  return [c, b];
}
