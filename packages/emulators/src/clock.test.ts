import { expect, it } from "vitest";
import { createClock } from "./clock.ts";

it("calls what a move passes, in order of time, also what is set meanwhile", () => {
  const clock = createClock({ frozenAt: 1_000 });
  const seen: string[] = [];
  clock.at(1_300, () => seen.push(`late ${clock.now()}`));
  clock.at(1_100, () => {
    seen.push(`early ${clock.now()}`);
    clock.at(1_200, () => seen.push(`between ${clock.now()}`));
  });
  clock.at(1_150, () => seen.push("cancelled")).cancel();
  clock.advance(299);
  expect(seen).toEqual(["early 1100", "between 1200"]);
  clock.advance(1);
  expect(seen).toEqual(["early 1100", "between 1200", "late 1300"]);
  expect(clock.now()).toBe(1_300);
});

it("runs with the machine and keeps the others when thousands are cancelled", async () => {
  const clock = createClock();
  const start = clock.now();
  const called = new Promise<void>((resolve) => clock.at(start + 30, resolve));
  for (let at = 0; at < 5_000; at += 1) clock.at(start + 10_000 + at, () => expect.unreachable()).cancel();
  await called;
  expect(clock.now()).toBeGreaterThanOrEqual(start + 30);
  clock.stop();
});
