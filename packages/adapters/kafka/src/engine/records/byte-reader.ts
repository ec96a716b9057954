/** Reads Kafka's protocol types one after the other. Past the end of its bytes all but `varint` throw a RangeError. */
export class ByteReader {
  readonly bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  int16(): number {
    const value = this.bytes.readInt16BE(this.at);
    this.at += 2;
    return value;
  }

  int32(): number {
    const value = this.bytes.readInt32BE(this.at);
    this.at += 4;
    return value;
  }

  int64(): bigint {
    const value = this.bytes.readBigInt64BE(this.at);
    this.at += 8;
    return value;
  }

  text(): string {
    const length = this.int16();
    return this.#pass(length).toString();
  }

  /** Not copied. */
  slice(): Buffer {
    return this.#pass(this.int32());
  }

  /**
   * A signed number of variable length, which is what Kafka writes also where it cannot be negative. Exact up to 2^53. Past the end it reads zeros: what
   * says how long it is compares that with `at` once, not at each byte.
   */
  varint(): number {
    const { bytes } = this;
    let byte = bytes[this.at++]!;
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 0x7f;
    let scale = 0x80;
    do {
      byte = bytes[this.at++]!;
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
    } while (byte >= 0x80);
    if (value <= 0x7fff_ffff) return (value >>> 1) ^ -(value & 1);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  #pass(length: number): Buffer {
    const from = this.at;
    this.at += Math.max(0, length);
    if (this.at > this.bytes.length) throw new RangeError("The answer ends before what it announces.");
    return this.bytes.subarray(from, this.at);
  }
}
