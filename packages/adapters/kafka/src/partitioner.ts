/** The hash of Kafka's own clients: 32-bit MurmurHash2 with their seed (org.apache.kafka.common.utils.Utils.murmur2). */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes;
  const m = 0x5bd1e995;
  let h = 0x9747b28c ^ length;
  const words = length & ~3;
  for (let i = 0; i < words; i += 4) {
    let k = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    k = Math.imul(k, m);
    h = Math.imul(h, m) ^ k;
  }
  const rest = length & 3;
  if (rest === 3) h ^= bytes[words + 2]! << 16;
  if (rest >= 2) h ^= bytes[words + 1]! << 8;
  if (rest >= 1) {
    h ^= bytes[words]!;
    h = Math.imul(h, m);
  }
  h ^= h >>> 13;
  h = Math.imul(h, m);
  h ^= h >>> 15;
  return h;
}

/**
 * Chooses partitions as Kafka's clients do: by the key's hash, without a key one after the other. It is done here, before a send, and not in the
 * engine: theirs differ, and kafkajs chooses anew when it retries within a send, which sends a message without a key twice, or not at all.
 */
export function createPartitioner(): (key: Buffer | null, count: number) => number {
  let next = Math.floor(Math.random() * 1_000);
  return (key, count) => {
    if (key !== null) return (murmur2(key) & 0x7fffffff) % count;
    next = (next + 1) & 0x7fffffff;
    return next % count;
  };
}
