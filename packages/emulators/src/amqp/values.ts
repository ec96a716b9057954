/** What AMQP has and JavaScript lacks. Everything else is decoded to the plain value: see decode.ts. */

/** A symbol to be written. Symbols that are read become plain strings. */
export class Sym {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A UUID in network byte order. */
export class Uuid {
  readonly bytes: Buffer;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
  toString(): string {
    const hex = this.bytes.toString("hex");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
}

/** A value under a descriptor: a number, or the text of a symbol. */
export class Described {
  readonly descriptor: number | string;
  readonly value: unknown;
  constructor(descriptor: number | string, value: unknown) {
    this.descriptor = descriptor;
    this.value = value;
  }
}

export type NumberType = "ubyte" | "ushort" | "uint" | "ulong" | "byte" | "short" | "int" | "long" | "float" | "double";

/** A number to be written with exactly this type. */
export class Num {
  readonly type: NumberType;
  readonly value: number | bigint;
  constructor(type: NumberType, value: number | bigint) {
    this.type = type;
    this.value = value;
  }
}

export type ArrayType = "symbol" | "uuid" | "timestamp" | "long" | "string";

/** An array, all of one type, to be written. Timestamps are milliseconds. */
export class TypedArray {
  readonly type: ArrayType;
  readonly items: readonly unknown[];
  constructor(type: ArrayType, items: readonly unknown[]) {
    this.type = type;
    this.items = items;
  }
}

/** Bytes that already are one encoded value: copied as they are, so that the type which a sender chose survives. */
export class Raw {
  readonly bytes: Buffer;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
}

export const sym = (text: string) => new Sym(text);
export const ubyte = (value: number) => new Num("ubyte", value);
export const short = (value: number) => new Num("short", value);
export const ushort = (value: number) => new Num("ushort", value);
export const uint = (value: number) => new Num("uint", value);
export const ulong = (value: number | bigint) => new Num("ulong", value);
export const int = (value: number) => new Num("int", value);
export const long = (value: number | bigint) => new Num("long", value);
export const timestamp = (ms: number) => new Date(ms);
