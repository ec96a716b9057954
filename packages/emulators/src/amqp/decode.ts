import { AmqpError } from "./amqp-error.ts";
import { Described, Uuid } from "./values.ts";

const MAX_DEPTH = 32;
const MAX_ZERO_WIDTH_ITEMS = 4096;

const malformed = (what: string) => new AmqpError("amqp:decode-error", what);

/**
 * Reads encoded values one after the other.
 *
 * Long and ulong become a number, or a bigint when a number cannot hold them; timestamps become Date, symbols and chars strings, maps
 * a Map, lists and arrays an array, decimals their bytes. Throws `amqp:decode-error` on anything malformed, whatever the bytes are:
 * nothing is allocated for a count that the bytes cannot hold, and nesting is limited.
 */
export class Decoder {
  readonly bytes: Buffer;
  position: number;
  private depth = 0;

  constructor(bytes: Buffer, position = 0) {
    this.bytes = bytes;
    this.position = position;
  }

  get remaining(): number {
    return this.bytes.length - this.position;
  }

  /** Passes over one value and returns its bytes, not copied. */
  raw(): Buffer {
    const start = this.position;
    this.skip();
    return this.bytes.subarray(start, this.position);
  }

  /** The descriptor of the value that follows it, which is not read yet. */
  descriptor(): number | string {
    if (this.byte() !== 0x00) throw malformed("A described value was expected.");
    const descriptor = this.value();
    if (typeof descriptor !== "number" && typeof descriptor !== "string")
      throw malformed("A descriptor is a number or a symbol.");
    return descriptor;
  }

  skip(): void {
    let code = this.byte();
    for (let nested = 0; code === 0x00; nested += 1) {
      if (nested > MAX_DEPTH) throw malformed("Too many descriptors.");
      this.skip();
      code = this.byte();
    }
    this.take(bodySize(code, this));
  }

  value(): unknown {
    const code = this.byte();
    if (code !== 0x00) return this.body(code);
    this.position -= 1;
    this.enter();
    const descriptor = this.descriptor();
    const value = this.value();
    this.depth -= 1;
    return new Described(descriptor, value);
  }

  private body(code: number): unknown {
    switch (code) {
      case 0x40:
        return null;
      case 0x41:
        return true;
      case 0x42:
        return false;
      case 0x43:
      case 0x44:
        return 0;
      case 0x45:
        return [];
      case 0x50:
      case 0x52:
      case 0x53:
        return this.byte();
      case 0x51:
      case 0x54:
      case 0x55:
        return this.bytes.readInt8(this.take(1));
      case 0x56:
        return this.byte() !== 0;
      case 0x60:
        return this.bytes.readUInt16BE(this.take(2));
      case 0x61:
        return this.bytes.readInt16BE(this.take(2));
      case 0x70:
        return this.bytes.readUInt32BE(this.take(4));
      case 0x71:
        return this.bytes.readInt32BE(this.take(4));
      case 0x72:
        return this.bytes.readFloatBE(this.take(4));
      case 0x73:
        return this.char();
      case 0x80:
        return plain(this.bytes.readBigUInt64BE(this.take(8)));
      case 0x81:
        return plain(this.bytes.readBigInt64BE(this.take(8)));
      case 0x82:
        return this.bytes.readDoubleBE(this.take(8));
      case 0x83:
        return new Date(Number(this.bytes.readBigInt64BE(this.take(8))));
      case 0x74:
        return this.slice(4);
      case 0x84:
        return this.slice(8);
      case 0x94:
        return this.slice(16);
      case 0x98:
        return new Uuid(Buffer.from(this.slice(16)));
      case 0xa0:
        return this.slice(this.byte());
      case 0xb0:
        return this.slice(this.uint32());
      case 0xa1:
        return this.slice(this.byte()).toString("utf8");
      case 0xb1:
        return this.slice(this.uint32()).toString("utf8");
      case 0xa3:
        return this.slice(this.byte()).toString("latin1");
      case 0xb3:
        return this.slice(this.uint32()).toString("latin1");
      case 0xc0:
      case 0xd0:
        return this.compound(code === 0xd0);
      case 0xc1:
      case 0xd1:
        return this.map(code === 0xd1);
      case 0xe0:
      case 0xf0:
        return this.array(code === 0xf0);
      default:
        throw malformed(`Unknown type code 0x${code.toString(16)}.`);
    }
  }

  /** Limits of a compound: its count is believed only as far as its bytes can hold it. */
  private limits(wide: boolean): { count: number; end: number } {
    const size = wide ? this.uint32() : this.byte();
    const end = this.position + size;
    if (end > this.bytes.length || size < (wide ? 4 : 1)) throw malformed("A compound runs over its bytes.");
    const count = wide ? this.uint32() : this.byte();
    return { count, end };
  }

  private compound(wide: boolean): unknown[] {
    const { count, end } = this.limits(wide);
    if (count > end - this.position) throw malformed("A list counts more than it holds.");
    this.enter();
    const items: unknown[] = [];
    for (let at = 0; at < count; at += 1) items.push(this.value());
    this.leave(end);
    return items;
  }

  private map(wide: boolean): Map<unknown, unknown> {
    const items = this.compound(wide);
    if (items.length % 2 !== 0) throw malformed("A map has a key without a value.");
    const map = new Map<unknown, unknown>();
    for (let at = 0; at < items.length; at += 2) map.set(items[at], items[at + 1]);
    return map;
  }

  private array(wide: boolean): unknown[] {
    const { count, end } = this.limits(wide);
    this.enter();
    let code = this.byte();
    let descriptor: number | string | undefined;
    if (code === 0x00) {
      this.position -= 1;
      descriptor = this.descriptor();
      code = this.byte();
      if (code === 0x00) throw malformed("An array of doubly described values.");
    }
    const zeroWidth = code >> 4 === 0x4;
    if (count > (zeroWidth ? MAX_ZERO_WIDTH_ITEMS : end - this.position))
      throw malformed("An array counts more than it holds.");
    const items: unknown[] = [];
    for (let at = 0; at < count; at += 1) {
      const item = this.body(code);
      items.push(descriptor === undefined ? item : new Described(descriptor, item));
    }
    this.leave(end);
    return items;
  }

  private char(): string {
    const point = this.uint32();
    if (point > 0x10ffff) throw malformed("A char outside Unicode.");
    return String.fromCodePoint(point);
  }

  private enter(): void {
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw malformed("Values are nested too deep.");
  }

  private leave(end: number): void {
    this.depth -= 1;
    if (this.position !== end) throw malformed("A compound does not end where it says.");
  }

  byte(): number {
    return this.bytes[this.take(1)]!;
  }

  uint32(): number {
    return this.bytes.readUInt32BE(this.take(4));
  }

  slice(size: number): Buffer {
    const start = this.take(size);
    return this.bytes.subarray(start, start + size);
  }

  private take(size: number): number {
    const start = this.position;
    if (start + size > this.bytes.length) throw malformed("A value runs over its bytes.");
    this.position = start + size;
    return start;
  }
}

export const decodeOne = (bytes: Buffer): unknown => new Decoder(bytes).value();

/** The first digit of a type code says how its body is sized. */
function bodySize(code: number, at: Decoder): number {
  switch (code >> 4) {
    case 0x4:
      return 0;
    case 0x5:
      return 1;
    case 0x6:
      return 2;
    case 0x7:
      return 4;
    case 0x8:
      return 8;
    case 0x9:
      return 16;
    case 0xa:
    case 0xc:
    case 0xe:
      return at.byte();
    case 0xb:
    case 0xd:
    case 0xf:
      return at.uint32();
    default:
      throw malformed(`Unknown type code 0x${code.toString(16)}.`);
  }
}

function plain(value: bigint): number | bigint {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
}
