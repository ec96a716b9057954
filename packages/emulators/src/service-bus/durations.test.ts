import { expect, it } from "vitest";
import { formatDuration, NEVER_TEXT, parseDuration } from "./durations.ts";

it.each([
  ["PT1M", 60_000],
  ["PT0.5S", 500],
  ["P1DT2H3M4S", 93_784_000],
  ["P14D", 1_209_600_000],
  [NEVER_TEXT, Number.POSITIVE_INFINITY],
])("%s is read and written", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
  expect(formatDuration(ms)).toBe(text);
});

it.each(["", "P", "PT", "1m", "PT1", "P1M", "-PT1S"])("'%s' is no duration", (text) => {
  expect(() => parseDuration(text)).toThrow(/no ISO 8601 duration/);
});
