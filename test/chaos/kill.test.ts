import { expect, it } from "vitest";
import { run } from "./kill.ts";

it("kill -9 of relay and consumers loses nothing and counts nothing twice", { timeout: 120_000 }, async () => {
  const result = await run({ events: 600, seed: 3, kills: 6 });
  expect(result.problems).toEqual([]);
  expect(result.killed.relay).toBeGreaterThan(0);
  expect(result.killed.consumers).toBeGreaterThan(0);
  expect(result).toMatchObject({ ok: true, published: 600, processed: 600 });
});
