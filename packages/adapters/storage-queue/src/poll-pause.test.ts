import { expect, it } from "vitest";
import { PollPause } from "./poll-pause.ts";

it("grows from 100 ms to the limit while nothing comes, and is none after traffic", () => {
  const pause = new PollPause(1_000, () => 0);
  const next = (messages: number) => {
    pause.found(messages);
    return pause.nextMs;
  };
  expect(pause.nextMs).toBe(0);
  expect([0, 0, 0, 0, 0, 0, 3, 0].map(next)).toEqual([100, 200, 400, 800, 1_000, 1_000, 0, 100]);
});

it("spreads the pauses of several consumers below the limit", () => {
  const pause = new PollPause(100, () => 0.999);
  pause.found(0);
  expect(pause.nextMs).toBe(75);
});
