import { expect, it } from "vitest";
import { createLimiter } from "./limiter.ts";

it("runs so many at a time, in order, and goes on after a failure", async () => {
  const limited = createLimiter(2);
  let running = 0;
  let most = 0;
  const started: number[] = [];
  const job = (n: number) =>
    limited(async () => {
      started.push(n);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      if (n % 2 === 0) throw new Error(String(n));
      return n;
    });
  const results = await Promise.allSettled([0, 1, 2, 3, 4, 5].map(job));
  expect(results.map((result) => result.status)).toEqual(
    [0, 1, 2, 3, 4, 5].map((n) => (n % 2 === 0 ? "rejected" : "fulfilled")),
  );
  expect(started).toEqual([0, 1, 2, 3, 4, 5]);
  expect(most).toBe(2);
});
