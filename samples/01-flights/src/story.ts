import type { DatabaseSync } from "node:sqlite";
import type { DeadLetterRecord } from "@waybill/core";
import type { Store } from "@waybill/outbox";
import { counted } from "./counted.ts";
import { flights, type RecordedFlight } from "./events.ts";
import type { FaultPlan } from "./faults.ts";
import type { Progress } from "./progress.ts";
import type { Runner } from "./runners/runner.ts";
import type { Departures } from "./service.ts";
import { readTallies } from "./tally.ts";
import { countEffects } from "./totals.ts";
import { waitUntil } from "./wait-until.ts";

/** Flights in one transaction of the service. */
const CHUNK = 100;
/** Nothing moved for so long: what is missing does not come any more, and the summary will say so. */
const STALL_MS = 30_000;

export interface StoryParts {
  readonly departures: Departures;
  readonly outbox: Store<DatabaseSync>;
  /** The consumer's database, for looking only. */
  readonly totals: DatabaseSync;
  readonly runner: Runner;
  readonly plan: FaultPlan;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface StoryEnd {
  /** Found among the dead letters, in all. */
  readonly deadLettered: number;
  readonly redriven: number;
}

/** Flights depart, their events are counted, some are given up; the bug is fixed and those are redriven. */
export async function playStory(recorded: readonly RecordedFlight[], parts: StoryParts): Promise<StoryEnd> {
  const { departures, runner, plan, progress, signal } = parts;
  const total = recorded.length;

  for (let at = 0; at < total; at += CHUNK) {
    signal.throwIfAborted();
    const chunk = recorded.slice(at, at + CHUNK).map((flight, index) => ({ ...flight, flight: at + index + 1 }));
    await departures.record(chunk);
    await show(parts, at + chunk.length);
  }
  await quiet(parts, {
    departed: total,
    processed: total - plan.poison.size,
    duplicates: 0,
    deadLettered: plan.poison.size,
  });

  const given = await deadLetters(runner);
  progress.note(deadLettersLine(given));
  await runner.fix();
  const redriven = await runner.redrive();
  progress.note(`bug fixed, ${redriven} redriven`);
  await quiet(parts, {
    departed: total,
    processed: total,
    duplicates: Math.min(1, plan.duplicated.size),
    deadLettered: 0,
  });
  // Whatever is there now should not be: it makes the summary disagree.
  const left = await deadLetters(runner);
  return { deadLettered: given.length + left.length, redriven };
}

async function show({ outbox, totals, progress }: StoryParts, departed: number) {
  const left = await outbox.counts();
  const counters = {
    departed,
    published: departed - left.waiting - left.parked - left.scheduled - left.dead,
    processed: countEffects(totals),
  };
  progress.update(counters);
  return counters;
}

/** Waits until everything is published, so many are processed and the subscription's backlog is empty; where the broker tells of none, until so many are given up. */
function quiet(
  parts: StoryParts,
  wanted: { departed: number; processed: number; duplicates: number; deadLettered: number },
): Promise<boolean> {
  const { runner, totals, signal } = parts;
  return waitUntil(
    async () => {
      const counters = await show(parts, wanted.departed);
      const { duplicates, retried, deadLettered } = readTallies(totals);
      const enough =
        counters.published === wanted.departed &&
        counters.processed >= wanted.processed &&
        duplicates >= wanted.duplicates;
      const backlog = enough ? await runner.bus.backlog(flights, "totals") : undefined;
      const idle = backlog === undefined ? deadLettered >= wanted.deadLettered : backlog.events === 0;
      return { done: enough && idle, watched: JSON.stringify([counters, duplicates, retried, deadLettered]) };
    },
    { stallMs: STALL_MS, signal },
  );
}

/** All of them. A list shows no more than the broker can show without taking, often only the head; a redrive that is not meant looks at each. */
async function deadLetters({ bus }: Runner): Promise<readonly DeadLetterRecord[]> {
  const letters = bus.deadLetters(flights, "totals");
  const records: DeadLetterRecord[] = [];
  try {
    await letters.redrive({ dryRun: true, filter: (record) => records.push(record) > 0 });
    return records;
  } finally {
    await letters.close();
  }
}

function deadLettersLine(records: readonly DeadLetterRecord[]): string {
  const [first] = records;
  if (first === undefined) return "no dead letters";
  const { reason, attempts, error } = first.reason ?? { reason: "no reason", attempts: 0, error: "" };
  return `${counted(records.length, "dead letter")}; the first: flight ${first.event?.subject}, ${reason} after ${counted(attempts, "attempt")}: ${error}`;
}
