import { expect, it } from "vitest";
import { account, problemsOf } from "./account.ts";

const event = (name: string, version: number) => ({ id: `${name}.${version}`, name, version });
const all = [event("a", 1), event("a", 2), event("b", 1)];
const [a1, a2, b1] = all as [(typeof all)[0], (typeof all)[0], (typeof all)[0]];

it("finds nothing wrong where all came in order, however often", () => {
  const result = account(all, [a1, a2, a1, b1, a2], all);
  expect(result).toMatchObject({ committed: 3, duplicates: 2, staleDuplicates: 1 });
  expect(problemsOf(result, 3)).toEqual([]);
});

it("counts what is lost, swapped, made up, missing and twice", () => {
  expect(problemsOf(account(all, [a2, b1], all), 3)).toEqual(["1 committed events were not published"]);
  expect(problemsOf(account(all, [a2, a1, b1], all), 3)).toEqual(["1 events came after a later one of their key"]);
  const ghost = { ...event("b", 2), id: "ghost" };
  expect(problemsOf(account(all, [a1, a2, b1, ghost], all), 3)).toEqual([
    "1 events were published that were never committed",
  ]);
  expect(problemsOf(account(all, all, [a1, b1]), 3)).toEqual(["1 events have had no effect"]);
  expect(problemsOf(account(all, all, [...all, a1]), 3)).toEqual(["1 effects are there twice"]);
  expect(problemsOf(account(all, all, all), 4)).toEqual(["1 committed events are not in the database"]);
});
