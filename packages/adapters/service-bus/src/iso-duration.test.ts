import { expect, it } from "vitest";
import { fromIsoDuration, toIsoDuration } from "./iso-duration.ts";

it.each([
  ["PT1M", 60_000],
  ["PT30S", 30_000],
  ["P7D", 604_800_000],
  ["P1DT2H3M4.5S", 93_784_500],
  ["", undefined],
  ["soon", undefined],
  [undefined, undefined],
])("reads %s", (text, ms) => {
  expect(fromIsoDuration(text)).toBe(ms);
});

it("reads what it writes", () => {
  for (const ms of [1_000, 60_000, 300_000, 86_400_000, 1_500]) expect(fromIsoDuration(toIsoDuration(ms))).toBe(ms);
});
