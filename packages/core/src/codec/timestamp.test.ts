import fc from "fast-check";
import { expect, test } from "vitest";
import { isTimestamp } from "./timestamp.ts";

test("every time that Date writes, with any decimals and zone", () => {
  const min = new Date("0000-01-01T00:00:00Z");
  const max = new Date("9999-12-31T23:59:59.999Z");
  fc.assert(
    fc.property(fc.date({ min, max, noInvalidDate: true }), fc.stringMatching(/^(\.\d{1,9})?$/), (date, decimals) => {
      const seconds = date.toISOString().slice(0, 19);
      for (const zone of ["Z", "z", "+00:00", "-23:59"]) expect(isTimestamp(seconds + decimals + zone)).toBe(true);
    }),
  );
});

test.each(["2024-02-29T00:00:00Z", "2000-02-29T00:00:00Z", "2026-06-30T23:59:60Z", "2026-01-31t12:00:00.5z"])(
  "%s",
  (text) => {
    expect(isTimestamp(text)).toBe(true);
  },
);

test.each([
  "",
  "2026-01-31",
  "2026-01-31T12:00:00",
  "2026-01-31 12:00:00Z",
  "2026-01-31T12:00Z",
  "2026-13-01T12:00:00Z",
  "2026-00-01T12:00:00Z",
  "2026-04-31T12:00:00Z",
  "2026-02-29T12:00:00Z",
  "1900-02-29T12:00:00Z",
  "2026-01-00T12:00:00Z",
  "2026-01-31T24:00:00Z",
  "2026-01-31T12:60:00Z",
  "2026-01-31T12:00:61Z",
  "2026-01-31T12:00:00.Z",
  "2026-01-31T12:00:00,5Z",
  "2026-01-31T12:00:00+0100",
  "2026-01-31T12:00:00+24:00",
  "2026-01-31T12:00:00+01:60",
  "2026-01-31T12:00:00ZZ",
  "+026-01-31T12:00:00Z",
  "2026-01-31T12:00:00Z\n",
  "２026-01-31T12:00:00Z",
])("not %j", (text) => {
  expect(isTimestamp(text)).toBe(false);
});
