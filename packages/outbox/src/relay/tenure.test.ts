import { sleep } from "@waybill/core/spi";
import { ManualClock } from "@waybill/core/testing";
import { expect, test } from "vitest";
import { Tenure } from "./tenure.ts";

const LEASE_MS = 3_000;

test("a store that takes nearly a third of the lease to answer costs no lease", async () => {
  const clock = new ManualClock();
  const changes: number[] = [];
  const tenure = new Tenure({
    async lease() {
      await sleep(clock, LEASE_MS * 0.3);
      return new Map([[0, 1]]);
    },
    isBalancing: () => false,
    leaseMs: LEASE_MS,
    clock,
    onTrouble: () => undefined,
    onChange: ({ size }) => changes.push(size),
  });
  tenure.start();
  await clock.advance(LEASE_MS * 0.3);
  for (let ms = 0; ms < 10 * LEASE_MS; ms += 50) {
    expect(tenure.held).toBe(true);
    await clock.advance(50);
  }
  expect(changes).toEqual([0]);
});
