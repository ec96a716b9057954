import { Unavailable } from "../../servers/unavailable.ts";
import type { ChaosOptions, ChaosReport } from "../main.ts";
import { STORES } from "./database.ts";
import { runOutboxChaos } from "./run.ts";

/** The whole of it, for one store or all of them one after the other: a few minutes each. */
export async function run({ store, events, seed, faults, progress }: ChaosOptions): Promise<ChaosReport> {
  const reports: Record<string, ChaosReport> = {};
  for (const name of store === undefined ? STORES : [store]) {
    try {
      reports[name] = await runOutboxChaos({
        store: name,
        events,
        seed,
        faults,
        leaseMs: 3_000,
        killEveryMs: 5_000,
        brokerDownMs: 10_000,
        writerProcesses: 8,
        progress,
      });
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      reports[name] = { ok: store === undefined && !process.env.CI, skipped: error.message };
    }
    progress(`${name}: ${JSON.stringify(reports[name])}`);
  }
  return { ok: Object.values(reports).every(({ ok }) => ok), stores: reports };
}
