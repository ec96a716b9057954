import { describe, expect, it } from "vitest";
import { CARRIERS } from "./broker/carrier.ts";
import { runBrokerChaos } from "./broker/run.ts";

// The whole of it, with thousands of events, runs by `npx pnpm@12 chaos NAME`.
describe.each(Object.keys(CARRIERS))("%s", (broker) => {
  it("loses nothing and keeps its promises while things happen to it", { timeout: 180_000 }, async () => {
    const result = await runBrokerChaos({ broker, events: 600, seed: 1, faults: 6 });
    expect(result.problems).toEqual([]);
    expect(result).toMatchObject({ ok: true, published: 600 });
  });
});
