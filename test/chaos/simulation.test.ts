import { expect, it } from "vitest";
import { run, simulate } from "./simulation.ts";

const SEEDS = 105;

it(`${SEEDS} seeds: nothing lost, order per key, effect once, no lane stuck`, async () => {
  const report = await run({
    events: SEEDS,
    seed: 1,
    kills: 0,
    faults: 0,
    only: undefined,
    progress: (line) => console.error(line),
  });
  expect(report.failing).toEqual([]);
  // The trouble was real.
  expect(report.deadLettered).toBeGreaterThan(SEEDS / 2);
  expect(report.duplicates).toBeGreaterThan(SEEDS);
});

it.each([5, 11])("seed %i replays exactly", async (seed) => {
  const first = await simulate(seed);
  expect((await simulate(seed)).trace).toBe(first.trace);
  expect((await simulate(seed + 1)).trace).not.toBe(first.trace);
});
