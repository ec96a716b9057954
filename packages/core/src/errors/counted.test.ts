import { expect, it } from "vitest";
import { coreErrors } from "./core-errors.ts";
import { counted } from "./counted.ts";

it("has one singular", () => {
  expect([0, 1, 2, 100].map((count) => counted(count, "event"))).toEqual([
    "0 events",
    "1 event",
    "2 events",
    "100 events",
  ]);
});

it("is what sentences with a number say", () => {
  const drained = (running: number) => coreErrors.WB_DRAIN_DEADLINE({ running, deadlineMs: 5 }).sentence;
  expect([1, 2].map(drained)).toEqual([
    "1 handler still ran when the drain's 5 ms were over.",
    "2 handlers still ran when the drain's 5 ms were over.",
  ]);
});
