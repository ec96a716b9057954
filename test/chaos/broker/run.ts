import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openBus } from "@waybill/config";
import { isWaybillError, PublishError } from "@waybill/core";
import type { ChaosReport } from "../chaos-case.ts";
import { type Account, account } from "./account.ts";
import { type Carrier, CONSUMERS, FAULTS, type Fault } from "./carrier.ts";
import { CARRIERS } from "./carriers.ts";
import { LedgerReader } from "./ledger.ts";
import { startWorkers, type Workers } from "./workers.ts";
import {
  eventsOf,
  graves,
  gravesOfA,
  KEEPER,
  KEEPER_OF_A,
  planWorkload,
  SUBSCRIPTIONS,
  steps,
  stepTaken,
  type Workload,
} from "./workload.ts";

export interface BrokerChaosOptions {
  /** A name of `CARRIERS`. */
  readonly broker: string;
  readonly events: number;
  readonly seed: number;
  /** How many troubles; they go round through those that the broker can have. */
  readonly faults: number;
  readonly only?: readonly Fault[] | undefined;
  readonly progress?: (line: string) => void;
}

export interface BrokerChaosResult extends ChaosReport {
  readonly ok: boolean;
  readonly problems: readonly string[];
  readonly faults: Readonly<Record<string, number>>;
  readonly published: number;
  readonly done: number;
  readonly duplicates: number;
  readonly redriven: number;
  readonly stalls: number;
  readonly seconds: number;
}

/** Without any news for so long the run is given up. */
const STALL_MS = 60_000;
/** Events of one publish call. */
const CHUNK = 200;
/** Events published and not yet processed. */
const MAX_AHEAD = 2_000;

/**
 * One publisher, three consumer processes with two subscriptions each, and a broker to which things happen. At the end every event has had its effect in both
 * subscriptions, in order per key where the broker promises it; what was poison was given up by both, and comes through in `a`, and there alone, once it is redriven, or
 * is in the graves of both where nothing can be redriven.
 */
export async function runBrokerChaos(options: BrokerChaosOptions): Promise<BrokerChaosResult> {
  const { broker, events, seed, progress = () => undefined } = options;
  const entry = CARRIERS[broker];
  if (entry === undefined)
    throw new RangeError(`There is no broker ${broker}, only ${Object.keys(CARRIERS).join(", ")}.`);
  const started = performance.now();
  const folder = await mkdtemp(join(tmpdir(), "waybill-chaos-"));
  const ledgers = join(folder, "ledgers");
  mkdirSync(ledgers);
  mkdirSync(join(folder, "data"));
  const carrier = await entry.start({ folder: join(folder, "data") });
  const configFile = join(folder, "waybill.config.json");
  writeFileSync(configFile, JSON.stringify(configOf(carrier)));
  const workload = planWorkload(events, seed);
  const poison = new Set<string>();
  for (const { key, n, kind } of eventsOf(workload)) if (kind === "poison") poison.add(`${key}/${n}`);
  const buried: readonly string[] = carrier.keepsGraves ? SUBSCRIPTIONS : ["b"];
  const reader = new LedgerReader(
    ledgers,
    ({ subscription, key, n }) => !buried.includes(subscription) || !poison.has(`${key}/${n}`),
  );
  const made: Record<string, number> = {};
  const problems: string[] = [];
  const over = new AbortController();
  let publishing: Promise<void> | undefined;
  let workers: Workers | undefined;
  let redriven = 0;
  let result: Account = { done: 0, duplicates: 0, problems: [] };
  let stalls = 0;
  const endWorkers = async () => {
    await workers?.stop();
    problems.push(...(workers?.problems ?? []));
    stalls += workers?.stalls ?? 0;
  };
  try {
    const atWork = { count: CONSUMERS, configFile, ledgers, doors: carrier.doors };
    workers = await startWorkers({ ...atWork, fixed: false });
    progress(`${CONSUMERS} consumers at work over ${broker}; order: ${workers.orders.join(", ")}`);
    if (carrier.ordered && workers.orders.some((order) => order !== "per-key"))
      problems.push(`order per key was promised and the guarantee says ${workers.orders.join(", ")}`);
    let published = 0;
    let allowed = 0;
    publishing = publishAll(configFile, workload, {
      signal: over.signal,
      mayGoOn: (count) => {
        published = count;
        reader.refresh();
        return count < allowed && count - reader.distinct / SUBSCRIPTIONS.length < MAX_AHEAD;
      },
    });
    publishing.catch(() => undefined);
    const work = workers;
    await makeTrouble({
      ...options,
      carrier,
      workers: work,
      reader,
      made,
      progress,
      total: events * SUBSCRIPTIONS.length,
      allow: (count) => {
        allowed = count;
      },
    });
    await publishing;
    const effects = (events - poison.size) * SUBSCRIPTIONS.length + poison.size * buried.length;
    await until(
      reader,
      () => reader.distinct >= effects,
      (now) => progress(`${now} of ${effects} effects, ${published} of ${events} published`),
    );
    if (!carrier.keepsGraves) {
      await endWorkers();
      workers = await startWorkers({ ...atWork, fixed: true });
      redriven = await redriveAll(configFile, poison.size, progress);
      await until(
        reader,
        () => reader.distinct >= effects + poison.size,
        (now) => progress(`${now} of ${effects + poison.size} effects`),
      );
    }
    // What else would come, such as a redriven event in the other subscription, has had its chance.
    await sleep(1_000);
    await endWorkers();
    workers = undefined;
    for (const fault of Object.keys(made)) if (made[fault] === 0) problems.push(`${fault} never came about`);
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  } finally {
    over.abort();
    await publishing?.catch(() => undefined);
    if (workers !== undefined) {
      for (const [trouble, times] of workers.troubles) progress(`trouble ${times}×: ${trouble}`);
      await endWorkers();
    }
    reader.refresh();
    result = account(workload, reader.entries, carrier);
    problems.push(...result.problems);
    await carrier.stop();
    await rm(folder, { recursive: true, force: true });
  }
  return {
    ok: problems.length === 0,
    problems,
    faults: made,
    published: events,
    done: result.done,
    duplicates: result.duplicates,
    redriven,
    stalls,
    seconds: Math.round((performance.now() - started) / 100) / 10,
  };
}

function configOf({ brokers, keepsGraves }: Carrier) {
  const retry = { attempts: 3, initial: "50ms" };
  const tuned = { concurrency: 32, retry };
  const ofA = keepsGraves ? { deadLetterTo: gravesOfA.name } : {};
  return {
    source: "/chaos",
    brokers,
    topics: {
      [steps.name]: {
        broker: "main",
        subscriptions: { a: { ...tuned, ...ofA }, b: { ...tuned, deadLetterTo: graves.name } },
      },
      [graves.name]: { broker: "graves", subscriptions: { [KEEPER]: tuned } },
      ...(keepsGraves && { [gravesOfA.name]: { broker: "graves", subscriptions: { [KEEPER_OF_A]: tuned } } }),
    },
  };
}

/** One event of a key at a time: what fails is published again before anything later of its key. */
async function publishAll(
  file: string,
  workload: Workload,
  { signal, mayGoOn }: { readonly signal: AbortSignal; readonly mayGoOn: (published: number) => boolean },
): Promise<void> {
  const bus = await openBus({ file });
  try {
    const all = [...eventsOf(workload)];
    const size = Math.min(CHUNK, workload.keys);
    for (let from = 0; from < all.length; from += size) {
      while (!signal.aborted && !mayGoOn(from)) await sleep(20);
      let left = all.slice(from, from + size).map((data) => stepTaken(data, { key: data.key }));
      while (left.length > 0) {
        if (signal.aborted) return;
        try {
          await bus.publish(steps, left);
          left = [];
        } catch (error) {
          if (error instanceof PublishError) left = left.filter((_, index) => error.outcomes[index]?.ok !== true);
          else if (!isWaybillError(error)) throw error;
          await sleep(200);
        }
      }
    }
    mayGoOn(all.length);
  } finally {
    await bus.close();
  }
}

async function makeTrouble(options: {
  readonly carrier: Carrier;
  readonly workers: Workers;
  readonly reader: LedgerReader;
  readonly made: Record<string, number>;
  readonly progress: (line: string) => void;
  readonly total: number;
  readonly faults: number;
  readonly seed: number;
  readonly only?: readonly Fault[] | undefined;
  /** How many events may be published so far. */
  readonly allow: (events: number) => void;
}) {
  const { carrier, workers, reader, made, progress, total, faults, seed, only, allow } = options;
  const random = seeded(seed);
  const possible = FAULTS.filter(
    (fault) =>
      (only === undefined || only.includes(fault)) && (fault === "kill" || carrier.faults[fault] !== undefined),
  );
  for (const fault of possible) made[fault] = 0;
  for (let index = 0; index < faults; index++) {
    const at = Math.floor(((index + 0.3 + random() * 0.6) * total * 0.9) / faults);
    const fault = possible[index % possible.length]!;
    // The publisher stays ahead of this trouble and does not outrun it: what happens, happens to work under way.
    allow(Math.ceil(((index + 2) * total) / SUBSCRIPTIONS.length / faults));
    await until(reader, () => reader.distinct >= at);
    progress(`${index + 1}/${faults}: ${fault} at ${reader.distinct} of ${total}`);
    if (fault === "kill") await workers.kill(Math.floor(random() * CONSUMERS));
    else await carrier.faults[fault]!(random);
    made[fault] = (made[fault] ?? 0) + 1;
  }
  allow(Number.POSITIVE_INFINITY);
}

async function redriveAll(file: string, poison: number, progress: (line: string) => void): Promise<number> {
  const bus = await openBus({ file });
  let redriven = 0;
  try {
    const letters = bus.deadLetters(steps, "a");
    for (let empty = 0; redriven < poison && empty < 20; ) {
      const { done } = await letters.redrive();
      redriven += done;
      progress(`${redriven} of ${poison} redriven`);
      if (done > 0) empty = 0;
      else {
        empty++;
        await sleep(500);
      }
    }
    await letters.close();
  } finally {
    await bus.close();
  }
  return redriven;
}

/** Resolves when it is so; rejects when nothing moves any more. */
async function until(reader: LedgerReader, isSo: () => boolean, tell?: (entries: number) => void): Promise<void> {
  let before = -1;
  let movedAt = performance.now();
  let toldAt = 0;
  for (;;) {
    reader.refresh();
    if (isSo()) return;
    const now = reader.entries.length;
    if (now !== before) movedAt = performance.now();
    before = now;
    if (performance.now() - movedAt > STALL_MS) {
      throw new Error(`nothing moved for ${STALL_MS / 1_000} s: ${reader.distinct} distinct effects`);
    }
    if (tell !== undefined && performance.now() - toldAt > 5_000) {
      toldAt = performance.now();
      tell(reader.distinct);
    }
    await sleep(50);
  }
}

function seeded(seed: number): () => number {
  let state = BigInt.asUintN(64, BigInt(seed) + 0x9e3779b97f4a7c15n);
  return () => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return Number(state >> 33n) / 2 ** 31;
  };
}
