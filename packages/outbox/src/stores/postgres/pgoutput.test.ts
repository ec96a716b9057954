import { expect, test } from "vitest";
import { endsTransaction, PgOutput } from "./pgoutput.ts";

const text = (value: string) => Buffer.from(`${value}\0`);
const int = (value: number, bytes: number) => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
};

/** The columns in another order than ours, as after a restore. */
const relation = Buffer.concat([
  Buffer.from("R"),
  int(7, 4),
  text("waybill"),
  text("outbox"),
  Buffer.from("d"),
  int(6, 2),
  ...["pos", "xid", "bucket", "topic", "key", "event"].map((name) =>
    Buffer.concat([int(0, 1), text(name), int(25, 4), int(0, 4)]),
  ),
]);

const insert = (values: readonly (string | null)[]) =>
  Buffer.concat([
    Buffer.from("I"),
    int(7, 4),
    Buffer.from("N"),
    int(values.length, 2),
    ...values.map((value) =>
      value === null
        ? Buffer.from("n")
        : Buffer.concat([Buffer.from("t"), int(Buffer.byteLength(value), 4), Buffer.from(value)]),
    ),
  ]);

test("reads rows by the names of their columns; other messages are none", () => {
  const output = new PgOutput();
  expect(output.read(Buffer.from("B0123456789012345678901"))).toBeUndefined();
  expect(output.read(relation)).toBeUndefined();
  expect(output.read(insert(["12", "4294967299", "63", "orders", null, '{"ü":"💥"}']))).toEqual({
    xid: 4_294_967_299,
    position: 12,
    bucket: 63,
    topic: "orders",
    key: undefined,
    event: '{"ü":"💥"}',
    attempts: 0,
    parked: false,
    behind: false,
  });
  expect(output.read(insert(["13", "5", "0", "orders", "k", "{}"]))?.key).toBe("k");
});

test("knows the end of a transaction", () => {
  expect(endsTransaction(Buffer.from("C0123456789012345678901234"))).toBe(true);
  expect(endsTransaction(relation)).toBe(false);
});
