import { expect, it } from "vitest";
import { Deque } from "./deque.ts";

it("gives out in the order of pushes, over many times its size", () => {
  const deque = new Deque<number>();
  let pushed = 0;
  let shifted = 0;
  for (let round = 0; round < 50; round++) {
    for (let count = 0; count < 300; count++) deque.push(pushed++);
    expect(deque.peek()).toBe(shifted);
    for (let count = 0; count < 250; count++) expect(deque.shift()).toBe(shifted++);
    expect(deque.length).toBe(pushed - shifted);
  }
  expect([...deque]).toEqual(Array.from({ length: pushed - shifted }, (_, index) => shifted + index));
  while (deque.length > 0) expect(deque.shift()).toBe(shifted++);
  expect(deque.shift()).toBeUndefined();
});
