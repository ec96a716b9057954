import type { Clock } from "@waybill/core/spi";
import { expect, it } from "vitest";
import { Wake } from "./wake.ts";

it("forgets a sleeper whose wait ended another way", async () => {
  let cleared = 0;
  let ring: () => void = () => undefined;
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after: (_ms, run) => {
      ring = run;
      return { clear: () => cleared++ };
    },
  };
  const wake = new Wake();
  const stop = new AbortController();
  const aborted = wake.wait(clock, 1_000, stop.signal);
  stop.abort();
  await aborted;
  const rung = wake.wait(clock, 1_000, new AbortController().signal);
  ring();
  await rung;
  expect(cleared).toBe(2);
  wake.wake();
  expect(cleared).toBe(2);
});
