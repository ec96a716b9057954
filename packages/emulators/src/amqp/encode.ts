import { type ArrayType, Described, Num, type NumberType, Raw, Sym, TypedArray, Uuid } from "./values.ts";

/** Writes values into one growing buffer. Plain values: string, boolean, null, Buffer, Date, Map, array; a number is int, long or double. */
export class Encoder {
  private bytes: Buffer;
  position = 0;

  constructor(size = 256) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  finish(): Buffer {
    return this.bytes.subarray(0, this.position);
  }

  value(value: unknown): this {
    if (value === null || value === undefined) this.byte(0x40);
    else if (value === true) this.byte(0x41);
    else if (value === false) this.byte(0x42);
    else if (typeof value === "string") this.variable(0xa1, value, "utf8");
    else if (typeof value === "number") this.plainNumber(value);
    else if (typeof value === "bigint") this.number("long", value);
    else if (value instanceof Sym) this.variable(0xa3, value.text, "latin1");
    else if (value instanceof Num) this.number(value.type, value.value);
    else if (value instanceof Raw) this.copy(value.bytes);
    else if (value instanceof Uint8Array) this.binary(value);
    else if (value instanceof Date) this.byte(0x83).int64(BigInt(value.getTime()));
    else if (value instanceof Uuid) this.byte(0x98).copy(value.bytes);
    else if (value instanceof Described) this.described(value);
    else if (value instanceof TypedArray) this.array(value);
    else if (value instanceof Map) this.map(value);
    else if (Array.isArray(value)) this.list(value);
    else throw new TypeError(`No AMQP type for ${Object.prototype.toString.call(value)}.`);
    return this;
  }

  private plainNumber(value: number): void {
    if (!Number.isInteger(value)) this.number("double", value);
    else this.number(value >= -2147483648 && value <= 2147483647 ? "int" : "long", value);
  }

  private number(type: NumberType, value: number | bigint): void {
    switch (type) {
      case "ubyte":
        this.byte(0x50).byte(Number(value));
        return;
      case "byte":
        this.byte(0x51).byte(Number(value) & 0xff);
        return;
      case "ushort":
        this.byte(0x60).uint16(Number(value));
        return;
      case "short":
        this.byte(0x61).uint16(Number(value) & 0xffff);
        return;
      case "uint":
        if (Number(value) < 256) this.byte(0x52).byte(Number(value));
        else this.byte(0x70).uint32(Number(value));
        return;
      case "int":
        this.byte(0x71).uint32(Number(value) >>> 0);
        return;
      case "ulong":
        if (Number(value) < 256) this.byte(0x53).byte(Number(value));
        else this.byte(0x80).int64(BigInt.asIntN(64, BigInt(value)));
        return;
      case "long":
        this.byte(0x81).int64(BigInt(value));
        return;
      case "float":
        this.byte(0x72);
        this.bytes.writeFloatBE(Number(value), this.room(4));
        return;
      case "double":
        this.byte(0x82);
        this.bytes.writeDoubleBE(Number(value), this.room(8));
        return;
    }
  }

  private described({ descriptor, value }: Described): void {
    this.byte(0x00);
    if (typeof descriptor === "string") this.variable(0xa3, descriptor, "latin1");
    else this.number("ulong", descriptor);
    this.value(value);
  }

  private list(items: readonly unknown[]): void {
    if (items.length === 0) {
      this.byte(0x45);
      return;
    }
    const start = this.byte(0xd0).room(4);
    this.uint32(items.length);
    for (const item of items) this.value(item);
    this.sizeAt(start);
  }

  private map(map: ReadonlyMap<unknown, unknown>): void {
    const start = this.byte(0xd1).room(4);
    this.uint32(map.size * 2);
    for (const [key, value] of map) this.value(key).value(value);
    this.sizeAt(start);
  }

  private array({ type, items }: TypedArray): void {
    const start = this.byte(0xf0).room(4);
    this.uint32(items.length).byte(ARRAY_CODE[type]);
    for (const item of items) {
      if (type === "uuid") this.copy((item as Uuid).bytes);
      else if (type === "long" || type === "timestamp") this.int64(BigInt(item as number | bigint));
      else {
        const text = Buffer.from(item as string, type === "symbol" ? "latin1" : "utf8");
        this.uint32(text.length).copy(text);
      }
    }
    this.sizeAt(start);
  }

  private variable(shortCode: number, text: string, encoding: "utf8" | "latin1"): void {
    const size = Buffer.byteLength(text, encoding);
    if (size < 256) this.byte(shortCode).byte(size);
    else this.byte(shortCode + 0x10).uint32(size);
    const start = this.room(size);
    this.bytes.write(text, start, encoding);
  }

  private binary(value: Uint8Array): void {
    if (value.length < 256) this.byte(0xa0).byte(value.length);
    else this.byte(0xb0).uint32(value.length);
    this.copy(value);
  }

  byte(value: number): this {
    const at = this.room(1);
    this.bytes[at] = value;
    return this;
  }

  uint16(value: number): this {
    const at = this.room(2);
    this.bytes.writeUInt16BE(value, at);
    return this;
  }

  uint32(value: number): this {
    const at = this.room(4);
    this.bytes.writeUInt32BE(value, at);
    return this;
  }

  copy(value: Uint8Array): this {
    const at = this.room(value.length);
    this.bytes.set(value, at);
    return this;
  }

  private int64(value: bigint): void {
    const at = this.room(8);
    this.bytes.writeBigInt64BE(value, at);
  }

  private sizeAt(start: number): void {
    this.bytes.writeUInt32BE(this.position - start - 4, start);
  }

  private room(size: number): number {
    const start = this.position;
    if (start + size > this.bytes.length) {
      const bigger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, start + size));
      this.bytes.copy(bigger, 0, 0, start);
      this.bytes = bigger;
    }
    this.position = start + size;
    return start;
  }
}

const ARRAY_CODE: Readonly<Record<ArrayType, number>> = {
  symbol: 0xb3,
  uuid: 0x98,
  timestamp: 0x83,
  long: 0x81,
  string: 0xb1,
};

export const encodeOne = (value: unknown): Buffer => new Encoder().value(value).finish();
