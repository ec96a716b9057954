import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ATTEMPT_BYTES, fits, measure, toBody, toSeconds, toText } from "./mapping.ts";

const message = (body: Uint8Array | string | null, headers = {}) => ({
  id: "e-1",
  body: typeof body === "string" ? new TextEncoder().encode(body) : body,
  headers,
});
const utf8 = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");

describe("toText and toBody", () => {
  it("give any bytes back in base64", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect([...toBody(toText(message(bytes), "base64"), "base64")]).toEqual([...bytes]);
      }),
    );
  });

  it("give any JSON object back in text, also what looks like Base64 inside", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const json = JSON.stringify(value).replaceAll("\uffff", "\\uffff").replaceAll("\ufffe", "\\ufffe");
        expect(utf8(toBody(toText(message(json), "text"), "text"))).toBe(json);
      }),
    );
  });

  it.each(["base64", "text"] as const)("read the other encoding while writing %s", (encoding) => {
    const json = '{"specversion":"1.0"}';
    expect(utf8(toBody(json, encoding))).toBe(json);
    expect(utf8(toBody(Buffer.from(json).toString("base64"), encoding))).toBe(json);
  });

  it("leaves a word alone that is Base64 by chance, where we write text", () => {
    expect(utf8(toBody("word", "text"))).toBe("word");
    expect(utf8(toBody("word!", "base64"))).toBe("word!");
    expect(toBody(undefined, "base64")).toHaveLength(0);
  });

  it("puts carriage returns back that the SDK left escaped, but only where they break the document", () => {
    expect(utf8(toBody('{&#xD;\n"a":1}', "text"))).toBe('{\r\n"a":1}');
    expect(utf8(toBody('{"a":"&#xD;"}', "text"))).toBe('{"a":"&#xD;"}');
  });

  it.each([
    ["a control character", "a\u0001", "U+0001"],
    ["a carriage return", "a\r\n", "U+000D"],
    ["a noncharacter", '"\uffff"', "U+FFFF"],
  ])("refuses %s as text, naming it, and carries it as Base64", (_name, body, named) => {
    expect(() => toText(message(body), "text")).toThrow(named);
    expect(toText(message(body), "base64")).toBe(Buffer.from(body).toString("base64"));
  });

  it("refuses bytes that are no UTF-8 as text, and what a queue message has no place for", () => {
    expect(() => toText(message(new Uint8Array([0xff])), "text")).toThrow("not UTF-8");
    expect(() => toText(message(null), "base64")).toThrow("no body");
    expect(() => toText(message("{}", { ce_id: "1" }), "base64")).toThrow("ce_id");
  });

  it("keeps tabs, line feeds, a byte order mark and everything printable as text", () => {
    const body = '\ufeff{\t"é😀":\n"<&>\u0085\u2028"}';
    expect(toText(message(body), "text")).toBe(body);
  });
});

it("measures at least what the text takes, with room left for the attempt", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 60_000 }), fc.constantFrom("base64", "text"), (length, encoding) => {
      const sample = message("x".repeat(length));
      const room = measure(sample, encoding, ATTEMPT_BYTES) - toText(sample, encoding).length;
      expect(room).toBeGreaterThanOrEqual(60);
      expect(room).toBeLessThanOrEqual(92);
    }),
    { numRuns: 30 },
  );
});

it("counts the 64 KiB in bytes, not characters", () => {
  expect(fits("x".repeat(65_536))).toBe(true);
  expect(fits("x".repeat(65_537))).toBe(false);
  expect(fits("é".repeat(32_769))).toBe(false);
});

it("rounds seconds up, so that only an asked-for zero is none", () => {
  expect([0, 1, 999, 1_000, 1_001, -5].map(toSeconds)).toEqual([0, 1, 1, 1, 2, 0]);
});
