import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkAttributes } from "../events/check-attributes.ts";
import type { WireMessage } from "../spi/wire-message.ts";
import { anyEvent, comparable } from "./any-event.test.fixture.ts";
import { createCodec } from "./create-codec.ts";
import { HEADER } from "./headers.ts";

const codec = createCodec();
const NOT_XML = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/** What is left of a message when a broker has no headers. */
const bare = (message: WireMessage): WireMessage => ({ id: "broker-1", body: message.body, headers: {} });

const asBase64 = (message: WireMessage): WireMessage => ({
  ...bare(message),
  body: Buffer.from(Buffer.from(message.body!).toString("base64")),
});

const asBytes = (message: WireMessage): WireMessage => ({
  ...message,
  headers: Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [name.toUpperCase(), Buffer.from(value as string)]),
  ),
});

const overAmqp = (message: WireMessage): WireMessage => ({
  ...message,
  headers: Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [name.replace(/^ce_/, "cloudEvents:"), value]),
  ),
});

describe("every valid event comes back as it was", () => {
  const ways: [string, boolean, (message: WireMessage) => WireMessage][] = [
    ["binary", true, (message) => message],
    ["binary, header values as bytes and names in upper case", true, asBytes],
    ["binary, AMQP names", true, overAmqp],
    ["structured", false, (message) => message],
    ["structured, nothing but the body", false, bare],
    ["structured, base64 of the body", false, asBase64],
  ];
  test.each(ways)("%s", (_name, headers, onTheWay) => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        const { event: read, bookkeeping } = codec.decode(onTheWay(codec.encode(event, { headers })));
        assert.deepEqual(comparable(read), comparable(event));
        assert.deepEqual(bookkeeping, {});
      }),
      { numRuns: 500 },
    );
  });

  test("the generated events are valid, and what is read may be published again", () => {
    fc.assert(
      fc.property(anyEvent, fc.boolean(), (event, headers) => {
        checkAttributes(event);
        checkAttributes(codec.decode(codec.encode(event, { headers })).event);
      }),
      { numRuns: 300 },
    );
  });

  test("a structured document survives a wire made of XML", () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        const text = new TextDecoder("utf-8", { fatal: true }).decode(codec.encode(event, { headers: false }).body!);
        assert.ok(!NOT_XML.test(text));
        assert.ok(text.isWellFormed());
        JSON.parse(text);
      }),
      { numRuns: 500 },
    );
  });
});

describe("bookkeeping never touches the event", () => {
  const bookkeeping = fc.record(
    {
      attempt: fc.integer({ min: 1, max: 999_999_999 }),
      firstFailure: fc.constantFrom("2026-01-31T12:00:00.123Z", "2026-01-31T12:00:00+01:00"),
      redrives: fc.integer({ min: 1, max: 999_999_999 }),
    },
    { requiredKeys: [], noNullPrototype: true },
  );

  test.each([
    ["headers", true, (message: WireMessage) => message],
    ["document", false, (message: WireMessage) => message],
    ["document alone", false, bare],
    ["base64", false, asBase64],
  ])("in %s it is written, replaced and taken out again to the byte", (_name, headers, onTheWay) => {
    fc.assert(
      fc.property(anyEvent, bookkeeping, bookkeeping, (event, first, second) => {
        const message = onTheWay(codec.encode(event, { headers }));
        const once = codec.withBookkeeping(message, first);
        const twice = codec.withBookkeeping(once, second);
        assert.deepEqual(codec.decode(once).bookkeeping, first);
        assert.deepEqual(codec.decode(twice).bookkeeping, second);
        assert.deepEqual(comparable(codec.decode(twice).event), comparable(event));
        assert.deepEqual(comparable(codec.withBookkeeping(twice, {})), comparable(message));
      }),
      { numRuns: 300 },
    );
  });

  test("an event of a producer that already has members of these names keeps its bytes", () => {
    const body = Buffer.from('\ufeff [ {\n "specversion":"1.0","wbattempt":"7","id":"1","source":"/s","type":"t"} ]\n');
    const message: WireMessage = { id: "1", body, headers: {} };
    expect(codec.decode(message).bookkeeping).toEqual({ attempt: 7 });
    const copy = codec.withBookkeeping(message, { attempt: 2 });
    expect(Buffer.from(copy.body!).toString()).toContain('{"wbattempt":"2",\n "specversion"');
    expect(codec.decode(copy)).toEqual({
      event: { specversion: "1.0", id: "1", source: "/s", type: "t" },
      bookkeeping: { attempt: 2 },
    });
    expect(Buffer.from(codec.withBookkeeping(copy, {}).body!).equals(body)).toBe(true);
  });

  test("what is no event is never written into: its bookkeeping stands in headers", () => {
    for (const body of ['{"order":1}', '{"note":"specversion"}', "{}", "no json", '{"a":{"specversion":"1.0"}}']) {
      const message: WireMessage = { id: "1", body: Buffer.from(body), headers: { other: "x" } };
      const copy = codec.withBookkeeping(message, { redrives: 1 });
      expect(Buffer.from(copy.body!).toString()).toBe(body);
      expect(copy.headers).toEqual({ other: "x", [HEADER.redrives]: "1" });
    }
  });

  test("a header that the broker wrote on release is newer than what stands in the document", () => {
    const event = { specversion: "1.0" as const, id: "1", source: "/s", type: "t" };
    const message = codec.withBookkeeping(codec.encode(event, { headers: false }), { attempt: 2, redrives: 4 });
    expect(codec.decode({ ...message, headers: { wbattempt: "3" } }).bookkeeping).toEqual({ attempt: 3, redrives: 4 });
    expect(codec.withBookkeeping({ ...message, headers: { wbattempt: "3" } }, {}).headers).toEqual({});
  });

  test("garbage is ignored", () => {
    const event = { specversion: "1.0" as const, id: "1", source: "/s", type: "t" };
    const message = codec.encode(event, { headers: true });
    for (const value of ["0", "-1", "1.5", "", "two", "99999999999", Buffer.from([0xff])]) {
      const headers = { ...message.headers, wbattempt: value, wbfirstfailure: value, wbredrives: value };
      expect(codec.decode({ ...message, headers }).bookkeeping).toEqual({});
    }
    const odd = { attempt: 0, firstFailure: "yesterday", redrives: Number.NaN };
    expect(codec.withBookkeeping(message, odd).headers).toEqual(message.headers);
  });
});
