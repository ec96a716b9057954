const MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
/** The magic, and two versions. */
const HEADER_BYTES = 16;
const LENGTH_BYTES = 4;

/** Kafka's Java clients cut what they compress into blocks, each behind its length; others send one block as it is. */
export function snappyBlocks(bytes: Buffer): Buffer[] {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return [bytes];
  const blocks: Buffer[] = [];
  for (let at = HEADER_BYTES; at < bytes.length; ) {
    const from = at + LENGTH_BYTES;
    const to = from + bytes.readUInt32BE(at);
    if (to > bytes.length) throw new RangeError("A snappy block ends behind the end of its batch.");
    blocks.push(bytes.subarray(from, to));
    at = to;
  }
  return blocks;
}
