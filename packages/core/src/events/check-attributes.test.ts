import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkAttributes } from "./check-attributes.ts";
import type { RawCloudEvent } from "./cloud-event.ts";

const core = { specversion: "1.0", id: "1", source: "/s", type: "t" } as const;
const check = (members: object) => () => checkAttributes({ ...core, ...members } as RawCloudEvent);

test.each<object>([
  {},
  { subject: undefined, time: undefined, ext: undefined, datacontenttype: undefined, data: undefined },
  {
    subject: "s",
    time: "2026-01-31T12:00:00Z",
    dataschema: "urn:x",
    datacontenttype: "image/png",
    data: new Uint8Array(),
  },
  { ext: "", aextensionnameofmorethantwentycharacters: "x", 1: "one", constructor: "c", wbtypes: "x" },
  { ext: 2 ** 31 - 1, neg: -(2 ** 31), yes: true, no: false },
  { ext: "é \u{1f600} \u00a0 \ufffd", partitionkey: "k" },
  { data: "\u0000\ud800" },
])("takes %o", (members) => {
  expect(check(members)).not.toThrow();
});

describe("refuses, naming the attribute:", () => {
  test.each<[string, object, RegExp]>([
    ["specversion", { specversion: "0.3" }, /must be "1.0"/],
    ["id", { id: undefined }, /missing/],
    ["id", { id: "" }, /empty/],
    ["id", { id: 1 }, /text/],
    ["source", { source: "" }, /empty/],
    ["type", { type: undefined }, /missing/],
    ["type", { type: "a\nb" }, /U\+000A at position 1/],
    ["subject", { subject: "" }, /empty/],
    ["dataschema", { dataschema: "" }, /empty/],
    ["time", { time: "yesterday" }, /RFC 3339/],
    ["time", { time: new Date() }, /RFC 3339/],
    ["expirytime", { expirytime: "2026-01-31" }, /RFC 3339/],
    ["datacontenttype", { datacontenttype: "" }, /empty/],
    ["datacontenttype", { datacontenttype: "json" }, /media type/],
    ["partitionkey", { partitionkey: "" }, /empty/],
    ["Upper", { Upper: "x" }, /a-z and 0-9/],
    ["with_underscore", { with_underscore: "x" }, /a-z and 0-9/],
    ["é", { é: "x" }, /a-z and 0-9/],
    ["data_base64", { data_base64: "AQI=" }, /Uint8Array/],
    ["__proto__", JSON.parse('{"__proto__":"x"}'), /a-z and 0-9/],
    ["wbattempt", { wbattempt: "2" }, /bookkeeping/],
    ["ext", { ext: null }, /null/],
    ["ext", { ext: {} }, /object/],
    ["ext", { ext: 1.5 }, /32-bit/],
    ["ext", { ext: 2 ** 31 }, /32-bit/],
    ["ext", { ext: Number.NaN }, /32-bit/],
    ["ext", { ext: "\u007f" }, /U\+007F/],
    ["ext", { ext: "\u0085" }, /U\+0085/],
    ["ext", { ext: "a\ud800b" }, /U\+D800 at position 1/],
    ["ext", { ext: "\ufdd0" }, /U\+FDD0/],
    ["ext", { ext: "\uffff" }, /U\+FFFF/],
    ["ext", { ext: "\u{1fffe}" }, /U\+1FFFE/],
  ])("%s %o", (attribute, members, problem) => {
    expect(check(members)).toThrow(
      expect.objectContaining({ code: "WB_EVENT_ATTRIBUTE", sentence: expect.stringMatching(problem) }),
    );
    expect(check(members)).toThrow(JSON.stringify(attribute));
  });
});

test("text is refused exactly where CloudEvents forbids a character", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
      (text) => {
        const isForbidden = !text.isWellFormed() || /\p{Cc}|\p{Noncharacter_Code_Point}/u.test(text);
        if (isForbidden) expect(check({ ext: text })).toThrow();
        else expect(check({ ext: text })).not.toThrow();
      },
    ),
    { numRuns: 2000 },
  );
});
