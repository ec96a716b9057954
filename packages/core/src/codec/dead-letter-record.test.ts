import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DeadLetterReason } from "../spi/delivery.ts";
import type { OutboundMessage, WireMessage } from "../spi/wire-message.ts";
import { anyEvent, anyJson, anyUnits, comparable } from "./any-event.test.fixture.ts";
import { createCodec } from "./create-codec.ts";
import { decodeDeadLetter, encodeDeadLetter } from "./dead-letter-record.ts";

const codec = createCodec();
const reason: DeadLetterReason = {
  reason: "handler-failed",
  error: "Error: no\nroom\u0000 \ud800",
  attempts: 3,
  topic: "orders",
  subscription: "billing",
  firstFailure: "2026-01-31T12:00:00.000Z",
  time: "2026-01-31T12:00:05.000Z",
};
const read: DeadLetterReason = { ...reason, error: "Error: no room\ufffd \ufffd" };
const roomy = { fits: () => true };
const size = (message: OutboundMessage) =>
  (message.body?.length ?? 0) +
  Object.entries(message.headers).reduce(
    (sum, [name, value]) => sum + name.length + Buffer.from(value as string).length,
    0,
  );

/** The record as a broker without headers keeps it: its body, under an id of its own. */
const bodyAlone = (record: OutboundMessage): WireMessage => ({ id: "broker-9", headers: {}, body: record.body });

const defined = (message: WireMessage) =>
  comparable(Object.fromEntries(Object.entries(message).filter(([, value]) => value !== undefined)));

const anyBody = fc.oneof(
  fc.constant(null),
  fc.uint8Array({ maxLength: 40 }),
  fc
    .tuple(fc.constantFrom("", "\ufeff", "\n", "\r\n", " "), anyJson)
    .map(([before, json]) => Buffer.from(before + JSON.stringify(json))),
  anyEvent.map((event) => codec.encode(event, { headers: false }).body),
);
const headerName = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12 }),
  fc.constantFrom(
    "wbreason",
    "wberror",
    "WBReason",
    "wbowbreason",
    "wbowbowbtime",
    "wbattempt",
    "wbfirstfailure",
    "__proto__",
    "constructor",
  ),
);
const anyHeaders = fc
  .array(fc.tuple(headerName, fc.oneof(anyUnits, fc.uint8Array({ maxLength: 10 }))), { maxLength: 5 })
  .map((entries) => Object.fromEntries(entries));
const anyMessage: fc.Arbitrary<WireMessage> = fc.record(
  {
    id: fc.string(),
    body: anyBody,
    headers: anyHeaders,
    key: fc.string(),
    contentType: fc.constantFrom("text/plain", "application/cloudevents+json"),
  },
  { requiredKeys: ["id", "body", "headers"], noNullPrototype: true },
);

/** Messages, records of messages, records of records. */
const anyOriginal: fc.Arbitrary<WireMessage> = fc.oneof(
  anyMessage,
  fc
    .tuple(anyMessage, fc.array(fc.boolean(), { minLength: 1, maxLength: 3 }))
    .map(([message, ways]) =>
      ways.reduce<WireMessage>((inner, headers) => encodeDeadLetter(inner, reason, { headers, ...roomy }), message),
    ),
);

describe("a record holds the original to the byte", () => {
  test("with headers", () => {
    fc.assert(
      fc.property(anyOriginal, (original) => {
        const record = encodeDeadLetter(original, reason, { headers: true, ...roomy });
        assert.equal(record.body, original.body);
        const opened = decodeDeadLetter(record);
        assert.deepEqual(opened.reason, read);
        assert.deepEqual(defined(opened.original), defined(original));
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ["as it is", bodyAlone],
    [
      "in base64",
      (record: OutboundMessage) => ({
        ...bodyAlone(record),
        body: Buffer.from(Buffer.from(record.body!).toString("base64")),
      }),
    ],
  ])("without headers, %s", (_name, onTheWay) => {
    fc.assert(
      fc.property(anyOriginal, (original) => {
        const record = encodeDeadLetter(original, reason, { headers: false, ...roomy });
        assert.ok(!/[\r\ufffe\uffff]/.test(new TextDecoder("utf-8", { fatal: true }).decode(record.body!)));
        const opened = decodeDeadLetter(onTheWay(record));
        assert.deepEqual(opened.reason, read);
        assert.deepEqual(defined(opened.original), defined(original));
      }),
      { numRuns: 500 },
    );
  });

  test.each([true, false])("and what was cut is the error's end only (headers: %s)", (headers) => {
    const long = fc.record({
      error: fc.string({ unit: "binary", maxLength: 200 }),
      room: fc.integer({ min: 0, max: 700 }),
    });
    fc.assert(
      fc.property(anyMessage, long, (original, { error, room }) => {
        const whole = decodeDeadLetter(encodeDeadLetter(original, { ...reason, error }, { headers, ...roomy })).reason!
          .error;
        const max = size(encodeDeadLetter(original, { ...reason, error: "" }, { headers, ...roomy })) + room - 10;
        const fits = (message: OutboundMessage) => size(message) <= max;
        const record = encodeDeadLetter(original, { ...reason, error }, { headers, fits });
        if (record === original) return assert.ok(room < 10);
        assert.ok(fits(record));
        const kept = decodeDeadLetter(record).reason!.error;
        assert.ok(kept.isWellFormed() && whole.startsWith(kept));
        // Nothing was cut that had room: with the next character it is too large.
        const next = whole.slice(0, kept.length + (whole.codePointAt(kept.length)! > 0xffff ? 2 : 1));
        if (kept !== whole)
          assert.ok(!fits(encodeDeadLetter(original, { ...reason, error: next }, { headers, ...roomy })));
      }),
      { numRuns: 300 },
    );
  });
});

describe("the wrapper", () => {
  const event = codec.encode({ specversion: "1.0", id: "1", source: "/s", type: "t", data: 1 }, { headers: false });

  test("shows the original to a reader", () => {
    const record = encodeDeadLetter({ id: "1", headers: {}, body: event.body }, reason, { headers: false, ...roomy });
    expect(record).toMatchObject({ id: "1", headers: {}, contentType: "application/vnd.waybill.dead-letter+json" });
    const text = Buffer.from(record.body!).toString();
    expect(text).toMatch(/^\{"wbreason":"handler-failed",/);
    expect(text.endsWith(`,"wbbytes":${event.body!.length},"original":${Buffer.from(event.body!)}}`)).toBe(true);
    expect(JSON.parse(text).original).toEqual({ specversion: "1.0", id: "1", source: "/s", type: "t", data: 1 });
  });

  test("keeps the headers of an event in binary mode, so that it is one again on its way back", () => {
    const binary = codec.encode(
      { specversion: "1.0", id: "1", source: "/s", type: "t", n: 1, data: [1] },
      { headers: true },
    );
    const record = encodeDeadLetter(binary, reason, { headers: false, ...roomy });
    const { original } = decodeDeadLetter(bodyAlone(record));
    expect(codec.decode(original).event).toMatchObject({ id: "1", n: 1, data: [1] });
  });

  test("formatted by a viewer it still gives the document", () => {
    const record = encodeDeadLetter(event, reason, { headers: false, ...roomy });
    const body = Buffer.from(JSON.stringify(JSON.parse(Buffer.from(record.body!).toString()), null, 2));
    const opened = decodeDeadLetter({ ...record, body });
    expect(opened.reason).toEqual(read);
    expect(codec.decode(opened.original).event.id).toBe("1");
  });
});

describe("what is no record", () => {
  test.each([
    "",
    "hello",
    "{}",
    "[]",
    '{"wbreason":1}',
    '{"wbreason":"x"}',
    '{"wbreason":"x","original":1}',
    '{"wbreason":"x","originalbase64":2}',
    '{"a":"wbreason","original":{}}',
  ])("%s is its own original", (body) => {
    const message: WireMessage = { id: "1", headers: { a: "b" }, body: Buffer.from(body) };
    expect(decodeDeadLetter(message)).toEqual({ original: message, reason: undefined });
  });

  test("a record that a broker made by itself needs wbreason only", () => {
    const message: WireMessage = { id: "1", headers: { wbreason: "max-deliveries", a: "b" }, body: null };
    expect(decodeDeadLetter(message)).toEqual({
      original: { id: "1", headers: { a: "b" }, body: null },
      reason: {
        reason: "max-deliveries",
        error: "",
        attempts: 0,
        topic: "",
        subscription: "",
        firstFailure: "",
        time: "",
      },
    });
  });

  test("nothing makes the reader throw", () => {
    const record = Buffer.from(
      encodeDeadLetter({ id: "1", headers: {}, body: Buffer.from('{"a":1}') }, reason, { headers: false, ...roomy })
        .body!,
    );
    fc.assert(
      fc.property(
        fc.nat(record.length - 1),
        fc.nat(255),
        fc.nat(record.length),
        anyHeaders,
        (at, byte, end, headers) => {
          const body = Buffer.from(record.subarray(0, end));
          if (at < end) body[at] = byte;
          decodeDeadLetter({ id: "1", headers, body });
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe("a topic of dead letters", () => {
  const structured = anyEvent.map((event) => ({ event, message: codec.encode(event, { headers: false }) }));

  test("is read like any other on a broker without headers", () => {
    fc.assert(
      fc.property(structured, ({ event, message }) => {
        const failed = codec.withBookkeeping(message, { attempt: 3, redrives: 1 });
        const record = bodyAlone(encodeDeadLetter(bodyAlone(failed), reason, { headers: false, ...roomy }));
        const decoded = codec.decode(record);
        expect(comparable(decoded.event)).toEqual(comparable(codec.decode(message).event));
        expect(decoded.event.id).toBe(event.id);
        // The attempts of the original ended when it was given up.
        expect(decoded.bookkeeping).toEqual({});
      }),
    );
  });

  test("keeps the attempts of its own readers, and the original's bytes", () => {
    fc.assert(
      fc.property(structured, ({ message }) => {
        const record = bodyAlone(encodeDeadLetter(bodyAlone(message), reason, { headers: false, ...roomy }));
        const again = codec.withBookkeeping(record, { attempt: 2 });
        expect(again.headers).toEqual({});
        expect(codec.decode(again).bookkeeping).toEqual({ attempt: 2 });
        expect(decodeDeadLetter(again).original.body).toEqual(decodeDeadLetter(record).original.body);
      }),
    );
  });
});
