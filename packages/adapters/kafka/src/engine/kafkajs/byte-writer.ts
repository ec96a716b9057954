/** Up to this length a text is written character by character, which is quicker than a call out of JavaScript. */
const SHORT = 48;
const ASCII = 0x80;

/** Writes Kafka's protocol types one after the other, and grows as it does. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(64 * 1024);
  at = 0;

  /** What is written so far; not copied. */
  slice(from = 0): Buffer {
    return this.#bytes.subarray(from, this.at);
  }

  /** Leaves place for something that is known later. Answers where. The bytes may be others after it. */
  leave(bytes: number): number {
    const from = this.at;
    this.#room(bytes);
    this.at += bytes;
    return from;
  }

  int8(value: number): void {
    this.#room(1);
    this.#bytes[this.at++] = value;
  }

  int16(value: number): void {
    const at = this.leave(2);
    this.#bytes.writeInt16BE(value, at);
  }

  int32(value: number): void {
    this.int32At(value, this.leave(4));
  }

  int32At(value: number, at: number): void {
    this.#bytes.writeInt32BE(value | 0, at);
  }

  int64(value: bigint): void {
    const at = this.leave(8);
    this.#bytes.writeBigInt64BE(value, at);
  }

  /** A signed number of variable length, of 31 bits at most. */
  varint(value: number): void {
    this.#room(5);
    this.at = this.#varintAt(value, this.at);
  }

  /** Behind its length of 16 bits. */
  string(text: string): void {
    const from = this.leave(2);
    const bytes = this.#utf8(text, Buffer.byteLength(text));
    this.#bytes.writeInt16BE(bytes, from);
  }

  /** Behind its length as a varint. */
  text(text: string): void {
    const { length } = text;
    if (length < SHORT) {
      this.#room(1 + length);
      const bytes = this.#bytes;
      const from = this.at + 1;
      let index = 0;
      for (; index < length; index++) {
        const code = text.charCodeAt(index);
        if (code >= ASCII) break;
        bytes[from + index] = code;
      }
      if (index === length) {
        bytes[this.at] = length << 1;
        this.at = from + length;
        return;
      }
    }
    const bytes = Buffer.byteLength(text);
    this.varint(bytes);
    this.#utf8(text, bytes);
  }

  /** Behind their length as a varint; null has the length -1. */
  bytes(value: Buffer | null): void {
    this.varint(value === null ? -1 : value.length);
    if (value === null) return;
    this.#room(value.length);
    this.#bytes.set(value, this.at);
    this.at += value.length;
  }

  /** Puts the length of all that was written since `from` before it, as a varint; two bytes were left there, which nearly always fit. */
  lengthBefore(from: number): void {
    const length = this.at - from - 2;
    const size = length < 64 ? 1 : length < 8_192 ? 2 : length < 1_048_576 ? 3 : length < 134_217_728 ? 4 : 5;
    if (size !== 2) {
      this.#room(3);
      this.#bytes.copyWithin(from + size, from + 2, this.at);
      this.at += size - 2;
    }
    this.#varintAt(length, from);
  }

  #varintAt(value: number, from: number): number {
    const bytes = this.#bytes;
    let at = from;
    let rest = ((value << 1) ^ (value >> 31)) >>> 0;
    for (; rest >= 0x80; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
    bytes[at++] = rest;
    return at;
  }

  #utf8(text: string, bytes: number): number {
    this.#room(bytes);
    this.at += this.#bytes.write(text, this.at);
    return bytes;
  }

  #room(bytes: number): void {
    const needed = this.at + bytes;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.at);
    this.#bytes = larger;
  }
}
