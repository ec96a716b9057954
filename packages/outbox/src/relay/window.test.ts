import { expect, test } from "vitest";
import type { OutboxRow } from "../store.ts";
import { Window } from "./window.ts";

const row = (position: number, key?: string, topic = "t"): OutboxRow => ({
  position,
  bucket: 0,
  topic,
  key,
  event: "{}",
  attempts: 0,
  parked: false,
  behind: false,
});
const one = () => 1;
const many = () => 100;
const positions = (rows: readonly OutboxRow[]) => rows.map(({ position }) => position);

function windowOf(...rows: OutboxRow[]): Window {
  const window = new Window();
  for (const each of rows) window.add(each);
  return window;
}

test("of a key one row is taken at a time, unless many are asked for", () => {
  const rows = [row(1, "a"), row(2, "a"), row(3), row(4, "b"), row(5)];
  const window = windowOf(...rows);
  expect(positions(window.take(10, one))).toEqual([1, 3, 4, 5]);
  expect(window.take(10, one)).toEqual([]);
  window.finish(rows[0]!);
  expect(positions(window.take(10, one))).toEqual([2]);
  expect(positions(windowOf(...rows).take(10, many))).toEqual([1, 2, 3, 4, 5]);
});

test("what does not fit into a call waits for the whole key", () => {
  const rows = [row(1, "a"), row(2, "a"), row(3, "a")];
  const window = windowOf(...rows);
  expect(positions(window.take(2, many))).toEqual([1, 2]);
  window.finish(rows[0]!);
  expect(window.take(2, many)).toEqual([]);
  window.finish(rows[1]!);
  expect(positions(window.take(2, many))).toEqual([3]);
});

test("rows that were not sent wait again behind the one that was refused", () => {
  const rows = [row(1, "a"), row(2, "a"), row(3, "a"), row(4, "a")];
  const window = windowOf(...rows);
  window.take(3, many);
  window.finish(rows[0]!);
  window.giveBack(rows[2]!);
  expect(window.take(9, many)).toEqual([]);
  expect(positions(window.behind(rows[1]!))).toEqual([3, 4]);
  window.finish(rows[1]!);
  expect(positions(window.take(9, many))).toEqual([3, 4]);
});

test("a key that leaves takes what is behind with it, once, and leaves what is before", () => {
  const rows = [row(1, "a"), row(2, "a"), row(3, "a")];
  const window = windowOf(...rows);
  window.take(3, many);
  expect(positions(window.dropKey(rows[1]!))).toEqual([2, 3]);
  expect(window.dropKey(rows[2]!)).toEqual([]);
  expect([window.size, window.bytes]).toEqual([1, 2]);
  window.add(row(4, "a"));
  expect(window.take(3, many)).toEqual([]);
  window.finish(rows[0]!);
  expect(positions(window.take(3, many))).toEqual([4]);
});

test("what is idle leaves, what is taken stays", () => {
  const rows = [row(1, "a"), row(2, "a"), row(3, "b"), row(4), row(5, "a", "other")];
  const window = windowOf(...rows);
  expect(positions(window.take(1, one))).toEqual([1]);
  expect(positions(window.dropIdle(({ topic }) => topic === "t")).sort()).toEqual([2, 3, 4]);
  expect(window.size).toBe(2);
  window.finish(rows[0]!);
  expect(positions(window.take(9, one))).toEqual([5]);
});
