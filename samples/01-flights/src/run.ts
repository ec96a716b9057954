import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { loadConfig, openStore } from "@waybill/config";
import { createOutbox, type Store } from "@waybill/outbox";
import { counted } from "./counted.ts";
import { openDataFolder } from "./data-folder.ts";
import { differences, expectedTotals } from "./expected-totals.ts";
import { planFaults } from "./faults.ts";
import { type Refusal, readInput, recordedFlightsFile } from "./input-file.ts";
import type { Options } from "./options.ts";
import { showProgress } from "./progress.ts";
import { brokerSetup } from "./runners/brokers.ts";
import { devBroker } from "./runners/dev-brokers.ts";
import { openDepartures } from "./service.ts";
import { playStory } from "./story.ts";
import { problemsOf, type Summary } from "./summary.ts";
import { readTallies } from "./tally.ts";
import { readEffects, readTotals } from "./totals.ts";

export interface RunResult {
  readonly summary: Summary;
  /** Why the run failed; empty when everything adds up. */
  readonly problems: readonly string[];
}

/** A whole run. Everything that it starts is stopped when it resolves or rejects; `signal` cuts it short. */
export async function run(options: Options, signal: AbortSignal): Promise<RunResult> {
  const setup = brokerSetup(options.broker);
  const file = options.input ?? recordedFlightsFile();
  const rows = options.events ?? setup.events;
  const recorded = await readInput(file, rows);
  tellRefused(recorded.refused);
  const count = recorded.flights.length;

  await using cleanup = new AsyncDisposableStack();
  const folder = await openDataFolder(options.keep);
  cleanup.defer(() => folder.remove());
  const broker = (await devBroker(options.broker, process.env)) ?? (await setup.start());
  cleanup.defer(() => broker.stop());
  const env = { ...process.env, ...broker.env, FLIGHTS_DATA: folder.path };
  const loaded = await loadConfig({ file: setup.configFile, env });

  const store = (await openStore(loaded, "outbox")) as Store<DatabaseSync>;
  cleanup.defer(() => store.close());
  const departures = await openDepartures(createOutbox({ store, source: loaded.config.source }));
  const progress = showProgress(count, { silent: options.json });
  cleanup.defer(() => progress.stop());
  const plan = planFaults(options.seed, count);
  const runner = await setup.run({
    loaded,
    plan,
    seed: options.seed,
    flights: count,
    folder: folder.path,
    env,
    note: progress.note,
  });
  // Runs once: here when all went well, else on the way out.
  const running = cleanup.use({ [Symbol.asyncDispose]: once(() => runner.stop()) });
  const totals = new DatabaseSync(join(folder.path, "totals.db"));
  cleanup.defer(() => totals.close());

  const broken = new AbortController();
  runner.failed.catch((error: unknown) => broken.abort(error));
  const { deadLettered, redriven } = await playStory(recorded.flights, {
    departures,
    outbox: store,
    totals,
    runner,
    plan,
    progress,
    signal: AbortSignal.any([signal, broken.signal]),
  });
  await running[Symbol.asyncDispose]();

  const { effects, distinct, orderViolations } = readEffects(totals);
  const { duplicates, retried } = readTallies(totals);
  const differing = differences(await expectedTotals(file, rows), readTotals(totals));
  const left = await store.counts();
  const summary: Summary = {
    published: (await departures.count()) - left.waiting - left.parked - left.scheduled - left.dead,
    processed: distinct,
    duplicatesDropped: duplicates,
    deadLettered,
    redriven,
    totalsMatch: differing.length === 0,
    orderViolations,
    order: runner.order,
    broker: options.broker,
    retried,
    refused: recorded.refused.length,
  };
  return { summary, problems: problemsOf(summary, { expected: count, effects, differing }) };
}

function tellRefused(refused: readonly Refusal[]): void {
  const shown = refused.slice(0, 5).map(({ row, problem }) => `  row ${row}: ${problem}`);
  if (refused.length > shown.length) shown.push(`  and ${refused.length - shown.length} more`);
  if (refused.length > 0) {
    process.stderr.write(`${counted(refused.length, "row")} refused for being no flight:\n${shown.join("\n")}\n`);
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}
