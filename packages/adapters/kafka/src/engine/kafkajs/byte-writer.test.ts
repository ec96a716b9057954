import { expect, it } from "vitest";
import { ByteWriter } from "./byte-writer.ts";

const FIRST_BYTES = 64 * 1024;
const WRITES: Readonly<Record<string, (writer: ByteWriter) => void>> = {
  int8: (writer) => writer.int8(1),
  int16: (writer) => writer.int16(-2),
  int32: (writer) => writer.int32(3),
  int64: (writer) => writer.int64(-4n),
  varint: (writer) => writer.varint(1_000_000_000),
  string: (writer) => writer.string("orders-ü"),
  "short text": (writer) => writer.text("application/json"),
  "text of more bytes than characters": (writer) => writer.text("größer"),
  "long text": (writer) => writer.text("x".repeat(100)),
  bytes: (writer) => writer.bytes(Buffer.alloc(100, 7)),
  "no bytes": (writer) => writer.bytes(null),
  "a short length": (writer) => withLength(writer, 10),
  "a longer length": (writer) => withLength(writer, 8_192),
};

function withLength(writer: ByteWriter, length: number): void {
  const from = writer.leave(2);
  writer.bytes(Buffer.alloc(length, 7));
  writer.lengthBefore(from);
}

it.each(Object.keys(WRITES))("grows wherever in it its bytes come to an end: %s", (name) => {
  const write = WRITES[name]!;
  const alone = new ByteWriter();
  write(alone);
  const expected = Buffer.from(alone.slice());
  for (let free = 0; free <= expected.length + 4; free++) {
    const writer = new ByteWriter();
    writer.leave(FIRST_BYTES - free);
    write(writer);
    expect(writer.slice(FIRST_BYTES - free)).toEqual(expected);
  }
});
