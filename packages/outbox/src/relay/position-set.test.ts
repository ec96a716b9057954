import { expect, test } from "vitest";
import { PositionSet } from "./position-set.ts";

/** As PostgreSQL's, made of the time, and as those of a table of SQLite; then about the end of 32 bits and of a block. */
const STARTS = [17_957_630_218_979, 1, 2 ** 31 - 40, 2 ** 32 - 40, 2 ** 53 - 3_000];

test.each(STARTS)("it holds what a Set holds, from %i on", (start) => {
  const expected = new Set<number>();
  const set = new PositionSet();
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (let i = 0; i < 20_000; i++) {
    const position = start + random(2_900);
    if (random(2) === 0) {
      set.add(position);
      expected.add(position);
    } else expect(set.delete(position)).toBe(expected.delete(position));
    expect(set.size).toBe(expected.size);
  }
  for (let i = 0; i < 2_900; i++) expect(set.has(start + i)).toBe(expected.has(start + i));
});

test("positions a multiple of 2³² apart are not the same", () => {
  const set = new PositionSet();
  set.add(5);
  expect(set.has(5 + 2 ** 32)).toBe(false);
  expect(set.delete(5 + 2 ** 32)).toBe(false);
  expect(set.has(5)).toBe(true);
});
