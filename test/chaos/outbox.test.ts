import { describe, expect, it } from "vitest";
import { startOrSkip } from "../servers/unavailable.ts";
import { STORES } from "./outbox/database.ts";
import { runOutage } from "./outbox/outage.ts";
import { runOutboxChaos } from "./outbox/run.ts";

// The whole of it, with hundreds of thousands of events, runs by `npx pnpm@12 chaos outbox`.
describe.each(STORES)("outbox on %s", (store) => {
  it("loses, invents, swaps and repeats nothing while things happen to all of it", { timeout: 180_000 }, async ({
    skip,
  }) => {
    const result = await startOrSkip(`outbox chaos on ${store}`, () =>
      runOutboxChaos({
        store,
        events: 3_000,
        seed: 1,
        faults: store === "sqlite" ? 5 : 7,
        leaseMs: 1_000,
        killEveryMs: 1_500,
        brokerDownMs: 1_000,
        writerProcesses: 2,
      }),
    );
    if (result === undefined) return skip();
    expect(result.problems).toEqual([]);
    expect(result).toMatchObject({ ok: true, committed: 3_000 });
  });

  it("takes on what is written while the broker is down, and brings it in order afterwards", {
    timeout: 180_000,
  }, async ({ skip }) => {
    const result = await startOrSkip(`outage of a broker, outbox on ${store}`, () =>
      runOutage({ store, events: 4_800, seed: 1, leaseMs: 1_000, writerProcesses: 2, judgeSpeed: false }),
    );
    if (result === undefined) return skip();
    expect(result.problems).toEqual([]);
    expect(result).toMatchObject({ ok: true, committed: 4_800 });
  });
});
