import { expect, test } from "vitest";
import { Held } from "./held.ts";

const row = (position: number, bucket: number) => ({
  position,
  bucket,
  topic: "t",
  key: undefined,
  event: "{}",
  attempts: 0,
  parked: false,
  behind: false,
});

test("a row that was removed is held for two more claims, which may have been read before", () => {
  const held = new Held();
  held.add(row(1, 5));
  held.nextClaim();
  held.removed([row(1, 5)]);
  for (let claims = 0; claims < 1; claims++) {
    held.nextClaim();
    expect(held.positions.has(1)).toBe(true);
  }
  held.nextClaim();
  expect(held.positions.has(1)).toBe(false);
});

test("a bucket is busy while a row of it is being worked on, and no longer once that is gone from the store", () => {
  const held = new Held();
  held.add(row(1, 5));
  held.add(row(2, 5));
  expect([held.isBusy(5), held.isBusy(6)]).toEqual([true, false]);
  held.drop([row(2, 5)]);
  expect(held.isBusy(5)).toBe(true);
  held.removed([row(1, 5)]);
  expect(held.isBusy(5)).toBe(false);
});
