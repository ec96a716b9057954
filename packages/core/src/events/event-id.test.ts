import { validate, version } from "uuid";
import { expect, it } from "vitest";
import { newEventId } from "./event-id.ts";

it("makes UUIDs of version 7, all different, also beyond one pool of random bytes", () => {
  const ids = Array.from({ length: 2_000 }, newEventId);
  expect(ids.every((id) => validate(id) && version(id) === 7)).toBe(true);
  expect(new Set(ids).size).toBe(ids.length);
});

it("is in the order of time", async () => {
  const first = newEventId();
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(newEventId() > first).toBe(true);
});
