import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { didYouMean, editDistance } from "./did-you-mean.ts";

describe("editDistance", () => {
  it.each([
    ["", "", 0],
    ["kitten", "sitting", 3],
    ["source", "sorce", 1],
    ["abc", "", 3],
  ])("%j to %j is %i", (from, to, distance) => expect(editDistance(from, to)).toBe(distance));

  it("is symmetric and at most the longer length", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(editDistance(a, b) === 0).toBe(a === b);
      }),
      { numRuns: 50 },
    );
  });
});

describe("didYouMean", () => {
  it("finds a slip and nothing far away", () => {
    expect(didYouMean("Conection", ["concurrency", "connection"])).toBe("connection");
    expect(didYouMean("zzz", ["source", "prefix"])).toBeUndefined();
  });
});
