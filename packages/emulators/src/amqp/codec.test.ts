import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { AmqpError } from "./amqp-error.ts";
import { Decoder, decodeOne } from "./decode.ts";
import { encodeOne } from "./encode.ts";
import { readSections, writeSections } from "./sections.ts";
import { Described, int, long, sym, TypedArray, Uuid, ubyte, uint, ulong } from "./values.ts";

/** Another's codec, to agree with. */
const rhea = createRequire(import.meta.url)("rhea-emulator") as {
  types: {
    Reader: new (bytes: Buffer) => { read(): unknown };
    Writer: new () => { write(value: unknown): void; toBuffer(): Buffer };
    wrap(value: unknown): unknown;
    unwrap(value: unknown): unknown;
  };
  message: { encode(message: object): Buffer; decode(bytes: Buffer): Record<string, unknown> };
};
const theirs = (bytes: Buffer) => rhea.types.unwrap(new rhea.types.Reader(bytes).read());
const written = (value: unknown) => {
  const writer = new rhea.types.Writer();
  writer.write(rhea.types.wrap(value));
  return writer.toBuffer();
};

describe("values", () => {
  it.each([
    ["null", null, null],
    ["booleans", [true, false], [true, false]],
    [
      "small and large unsigned",
      [ubyte(7), uint(0), uint(255), uint(256), uint(2 ** 32 - 1)],
      [7, 0, 255, 256, 2 ** 32 - 1],
    ],
    [
      "64 bits",
      [ulong(1), ulong(2 ** 40), long(-1), long(-(2 ** 40)), long(2 ** 52)],
      [1, 2 ** 40, -1, -(2 ** 40), 2 ** 52],
    ],
    ["ints and doubles", [1, -1, int(-(2 ** 31)), 1.5, 2 ** 40], [1, -1, -(2 ** 31), 1.5, 2 ** 40]],
    ["texts", ["", "ä", "x".repeat(300), sym("s")], ["", "ä", "x".repeat(300), "s"]],
    ["bytes", [Buffer.from("b"), Buffer.alloc(300)], [Buffer.from("b"), Buffer.alloc(300)]],
    ["dates", [new Date(0), new Date(1_700_000_000_123)], [new Date(0), new Date(1_700_000_000_123)]],
    [
      "arrays",
      [new TypedArray("symbol", ["a", "b"]), new TypedArray("long", [1, -2])],
      [
        ["a", "b"],
        [1, -2],
      ],
    ],
  ])("%s are read by another codec, and by ours", (_name, value, expected) => {
    expect(theirs(encodeOne(value))).toEqual(expected);
    expect(decodeOne(encodeOne(value))).toEqual(expected);
  });

  it("reads what another codec writes", () => {
    const date = new Date(5);
    const map = decodeOne(
      written({ n: 1, m: -1, f: 1.5, t: "x", b: Buffer.from("b"), d: date, l: [1, "2"], big: 2 ** 40 }),
    );
    expect(map).toEqual(
      new Map<string, unknown>([
        ["n", 1],
        ["m", -1],
        ["f", 1.5],
        ["t", "x"],
        ["b", Buffer.from("b")],
        ["d", date],
        ["l", [1, "2"]],
        ["big", 2 ** 40],
      ]),
    );
  });

  it("keeps 64 bits that no number holds", () => {
    expect(decodeOne(encodeOne(long(2n ** 62n)))).toBe(2n ** 62n);
    expect(decodeOne(encodeOne(ulong(2n ** 64n - 1n)))).toBe(2n ** 64n - 1n);
  });

  it("skips every value that it reads", () => {
    const values = [
      null,
      true,
      ubyte(1),
      1,
      1.5,
      "x",
      "y".repeat(300),
      Buffer.alloc(300),
      new Date(0),
      new Uuid(Buffer.alloc(16)),
      [1, [2]],
      new Map([["a", 1]]),
      new Described(0x70, [1]),
      new TypedArray("long", [1, 2]),
    ];
    for (const value of values) {
      const bytes = encodeOne(value);
      const decoder = new Decoder(bytes);
      expect(decoder.raw()).toEqual(bytes);
      expect(decoder.remaining).toBe(0);
    }
  });

  // fidelity event-hubs: hostile peers
  it("refuses what is nested without end", () => {
    const deep = Buffer.concat([Buffer.from("005370".repeat(100_000), "hex"), Buffer.of(0x40)]);
    expect(() => decodeOne(deep)).toThrow(AmqpError);
  });

  it("throws nothing but its own error, whatever the bytes", () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
      return seed / 0x7fffffff;
    };
    const start = encodeOne(
      new Described(0x73, ["id", null, "to", new Map([["k", [1, 2, new TypedArray("long", [1])]]])]),
    );
    for (let round = 0; round < 100_000; round += 1) {
      const bytes = round % 2 === 0 ? Buffer.from(start) : Buffer.alloc(Math.floor(random() * 24));
      for (let change = 0; change < 3 && bytes.length > 0; change += 1)
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      if (round % 2 === 1) for (let at = 0; at < bytes.length; at += 1) bytes[at] = Math.floor(random() * 256);
      for (const read of [() => decodeOne(bytes), () => readSections(bytes)]) {
        try {
          read();
        } catch (error) {
          if (!(error instanceof AmqpError)) throw error;
        }
      }
    }
  });
});

describe("messages", () => {
  it("keep the bytes of what a broker does not change", () => {
    const sent = rhea.message.encode({
      durable: true,
      priority: 7,
      ttl: 5_000,
      message_id: "m",
      group_id: "g",
      content_type: "text/plain",
      message_annotations: { "x-own": 1 },
      application_properties: { n: 1, f: 1.5, d: new Date(9) },
      body: { content: Buffer.from("data"), typecode: 0x75, collect_sections: undefined },
    });
    const sections = readSections(sent);
    expect(sections.header).toEqual({ durable: true, priority: 7, ttlMs: 5_000 });
    const out = writeSections(sections, {
      deliveryCount: 3,
      ttlMs: 4_000,
      annotations: new Map([["x-opt-sequence-number", long(9)]]),
    });
    const again = rhea.message.decode(out);
    expect(again).toMatchObject({
      durable: true,
      priority: 7,
      ttl: 4_000,
      delivery_count: 3,
      message_id: "m",
      group_id: "g",
      content_type: "text/plain",
      message_annotations: { "x-own": 1, "x-opt-sequence-number": 9 },
      application_properties: { n: 1, f: 1.5, d: new Date(9) },
    });
    expect(out.includes(sections.properties!)).toBe(true);
    expect(out.subarray(out.length - sections.body.length)).toEqual(sections.body);
  });

  it("have their sections in any order, and nothing else", () => {
    const body = encodeOne(new Described(0x75, Buffer.from("b")));
    const header = encodeOne(new Described(0x70, []));
    expect(readSections(Buffer.concat([body, header]))).toMatchObject({ header: readSections(header).header, body });
    expect(() => readSections(encodeOne("text"))).toThrow(AmqpError);
  });
});
