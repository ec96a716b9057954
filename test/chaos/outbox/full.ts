import { Unavailable } from "../../servers/unavailable.ts";
import type { ChaosOptions, ChaosReport } from "../chaos-case.ts";
import { STORES, type StoreName } from "./database.ts";
import { runOutage } from "./outage.ts";
import { runOutboxChaos } from "./run.ts";

const LEASE_MS = 3_000;
const WRITER_PROCESSES = 8;

/** The whole of the crash proof, for one store or all of them one after the other: a few minutes each. */
export function run(options: ChaosOptions): Promise<ChaosReport> {
  const { events, seed, faults, progress } = options;
  return perStore(options, (store) =>
    runOutboxChaos({
      store,
      events,
      seed,
      faults,
      leaseMs: LEASE_MS,
      killEveryMs: 5_000,
      brokerDownMs: 10_000,
      writerProcesses: WRITER_PROCESSES,
      progress,
    }),
  );
}

/** A broker that is down for as long as was asked, or as the writing of most of the events takes. */
export function outage(options: ChaosOptions): Promise<ChaosReport> {
  const { events, seed, downSeconds, progress } = options;
  return perStore(options, (store) =>
    runOutage({
      store,
      events,
      downMs: downSeconds === undefined ? undefined : downSeconds * 1_000,
      seed,
      leaseMs: LEASE_MS,
      writerProcesses: WRITER_PROCESSES,
      progress,
      judgeSpeed: true,
    }),
  );
}

async function perStore(
  { store, progress }: ChaosOptions,
  runOne: (store: StoreName) => Promise<ChaosReport>,
): Promise<ChaosReport> {
  const stores: Record<string, ChaosReport> = {};
  for (const name of store === undefined ? STORES : [store]) {
    try {
      stores[name] = await runOne(name);
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      stores[name] = { ok: store === undefined && !process.env.CI, skipped: error.message };
    }
    progress(`${name}: ${JSON.stringify(stores[name])}`);
  }
  return { ok: Object.values(stores).every(({ ok }) => ok), stores };
}
