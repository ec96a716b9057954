import { expect, test } from "vitest";
import { Gaps } from "./gaps.ts";

const none = new Set<number>();

test("a position that nothing shows is forgotten after its time, one in flight is kept with what follows it", () => {
  const gaps = new Gaps(0);
  gaps.add({ from: 1, to: 4 }, 0);
  gaps.add({ from: 8, to: 8 }, 0);
  gaps.review(new Set([3]), none, 1_000);
  expect(gaps.ranges()).toEqual([
    expect.objectContaining({ from: 1, to: 4 }),
    expect.objectContaining({ from: 8, to: 8 }),
  ]);
  gaps.review(new Set([3]), none, 3_000);
  expect(gaps.ranges()).toEqual([expect.objectContaining({ from: 3, to: 4 })]);
  gaps.review(new Set([3]), new Set([3]), 3_100);
  expect(gaps.isEmpty).toBe(true);
});

test("what was taken leaves its gap", () => {
  const gaps = new Gaps(0);
  gaps.add({ from: 1, to: 5 }, 0);
  gaps.review(new Set([3]), new Set([3]), 1);
  expect([1, 2, 3, 4, 5].filter((pos) => gaps.has(pos))).toEqual([1, 2, 4, 5]);
});

test("many gaps are looked at as few ranges that cover them all", () => {
  const gaps = new Gaps(0);
  for (let i = 0; i < 1_000; i++) gaps.add({ from: i * 3 + 1, to: i * 3 + 1 }, 0);
  const ranges = gaps.ranges();
  expect(ranges.length).toBeLessThanOrEqual(64);
  for (let i = 0; i < 1_000; i++) {
    expect(ranges.some(({ from, to }) => from <= i * 3 + 1 && to >= i * 3 + 1)).toBe(true);
  }
});
