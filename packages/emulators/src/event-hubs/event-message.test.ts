import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AmqpError } from "../amqp/amqp-error.ts";
import { Decoder } from "../amqp/decode.ts";
import { Encoder } from "../amqp/encode.ts";
import { Described, sym, timestamp } from "../amqp/values.ts";
import { readEvents, withDeliveryAnnotations, writeEvent } from "./event-message.ts";

const BATCH = 0x80013700;
const section = (code: number, value: unknown) => new Encoder().value(new Described(code, value)).finish();
const message = (annotations: Record<string, unknown>, body = "x") =>
  Buffer.concat([
    section(0x70, [true]),
    section(0x72, new Map(Object.entries(annotations).map(([key, value]) => [sym(key), value]))),
    section(0x75, Buffer.from(body)),
  ]);
const batch = (annotations: Record<string, unknown>, ...inner: Buffer[]) =>
  Buffer.concat([
    section(0x72, new Map(Object.entries(annotations).map(([key, value]) => [sym(key), value]))),
    ...inner.map((bytes) => section(0x75, bytes)),
  ]);
const place = { sequenceNumber: 7, offset: 120, enqueuedAt: 5 };

describe("readEvents", () => {
  // fidelity event-hubs: every field, AMQP types, bytes, annotations
  it("takes the key of the envelope for each event", () => {
    const events = readEvents(batch({ "x-opt-partition-key": "k" }, message({}), message({ own: 1 })), BATCH);
    expect(events.map(({ partitionKey }) => partitionKey)).toEqual(["k", "k"]);
    expect([...events[1]!.annotations.keys()]).toEqual(["own", "x-opt-partition-key"]);
  });

  it("takes a message that is no batch", () => {
    expect(readEvents(message({ "x-opt-partition-key": "k" }), 0)).toMatchObject([{ partitionKey: "k" }]);
  });

  it("refuses a batch of nothing, and what is no message", () => {
    for (const [bytes, format] of [
      [batch({}), BATCH],
      [section(0x77, "x"), BATCH],
      [section(0x10, []), 0],
      [new Encoder().value(new Described("constructor", "x")).finish(), 0],
      [Buffer.concat([section(0x73, []), section(0x73, []), section(0x75, Buffer.alloc(1))]), 0],
    ] as const)
      expect(() => readEvents(bytes, format)).toThrow(expect.objectContaining({ condition: "amqp:decode-error" }));
  });

  // fidelity event-hubs: every field, AMQP types, bytes, annotations
  it("takes sections in any order, and puts them right", () => {
    const parts = [
      section(0x70, [true]),
      section(0x71, new Map([[sym("hop"), 1]])),
      section(0x72, new Map([[sym("own"), 2]])),
      section(0x73, ["id"]),
      section(0x75, Buffer.from("x")),
      section(0x78, new Map([[sym("end"), 3]])),
    ];
    const written = (sections: Buffer[]) => writeEvent(readEvents(Buffer.concat(sections), 0)[0]!, place).bytes;
    const [header, hop, own, properties, data, footer] = parts as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer];
    expect(written([header, own, properties, data, footer, hop])).toEqual(written(parts));
    expect(written([footer, data, properties, own, hop, header])).toEqual(written(parts));
  });

  it("answers any bytes with events or an AMQP error", () => {
    const good = batch({ "x-opt-partition-key": "k" }, message({ a: 1, b: "text" }), message({}));
    const damaged = fc
      .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
      .map((changes) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of changes) bytes[at] = value;
        return bytes;
      });
    const anything = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(damaged, anything), fc.constantFrom(0, BATCH), (bytes, format) => {
        try {
          for (const event of readEvents(bytes, format)) writeEvent(event, place);
        } catch (error) {
          expect(error).toBeInstanceOf(AmqpError);
        }
      }),
      { numRuns: 20_000 },
    );
  });
});

describe("writeEvent", () => {
  // fidelity event-hubs: every field, AMQP types, bytes, annotations
  it("adds the place over what the sender claims, and leaves the rest", () => {
    const [event] = readEvents(message({ own: 1, "x-opt-offset": "mine" }, "body"), 0);
    const { bytes, headLength } = writeEvent(event!, place);
    expect(bytes.includes("mine")).toBe(false);
    const decoder = new Decoder(bytes);
    expect(decoder.value()).toMatchObject({ descriptor: 0x70 });
    expect(headLength).toBe(decoder.position);
    expect((decoder.value() as Described).value).toEqual(
      new Map<string, unknown>([
        ["own", 1],
        ["x-opt-sequence-number", 7],
        ["x-opt-offset", "120"],
        ["x-opt-enqueued-time", timestamp(5)],
      ]),
    );
    expect(decoder.value()).toMatchObject({ descriptor: 0x75, value: Buffer.from("body") });
  });
});

describe("withDeliveryAnnotations", () => {
  // fidelity event-hubs: runtime metrics: the last enqueued event beside each event
  it.each([
    ["after the header", section(0x70, [true]), new Map([["added", 2]])],
    [
      "beside the sender's own",
      section(0x71, new Map([[sym("hop"), 1]])),
      new Map(Object.entries({ hop: 1, added: 2 })),
    ],
  ])("puts them %s", (_name, first, expected) => {
    const [event] = readEvents(Buffer.concat([first, section(0x75, Buffer.from("x"))]), 0);
    const { bytes, headLength } = writeEvent(event!, place);
    const decoder = new Decoder(withDeliveryAnnotations(bytes, headLength, new Map([["added", 2]])));
    decoder.position = headLength;
    expect(decoder.value()).toEqual(new Described(0x71, expected));
    expect([decoder.value(), decoder.value()]).toMatchObject([{ descriptor: 0x72 }, { descriptor: 0x75 }]);
    expect(decoder.remaining).toBe(0);
  });
});
