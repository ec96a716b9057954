import type { ChaosReport } from "../chaos-case.ts";
import { type Account, account } from "./account.ts";
import { Stage, type StageOptions, WRITERS } from "./stage.ts";

export interface OutageOptions extends StageOptions {
  /** Whether writing must have gone on as fast as before: asked of long runs only. */
  readonly judgeSpeed: boolean;
  /** The broker is down for so long, and writing ends with it, at the latest with `events`. Absent: until all are written. */
  readonly downMs?: number | undefined;
}

export interface OutageResult extends ChaosReport, Account {
  readonly problems: readonly string[];
  readonly secondsDown: number;
  readonly writtenPerSecond: { readonly up: number; readonly down: number };
  /** After the broker came back. */
  readonly drainedPerSecond: number;
  readonly relayRssMb: { readonly up: number; readonly down: number; readonly draining: number };
  readonly maxHeld: number;
}

const RELAYS = 2;
/** Of the events, and at most: written while the broker is there. */
const WARM = 1 / 6;
const MOST_WARM = 50_000;
/** What a relay may hold: four times its batch. */
const MAX_HELD = 2_000;
/** A relay may need so much more than before the outage, however long that was: a drain at full speed leaves garbage that V8 is slow to give back. */
const MAX_GROWTH_MB = 200;
/** Of the former speed. The relays' own work falls away meanwhile. */
const MIN_SPEED = 0.8;

type Phase = "up" | "down" | "draining";

/** The broker goes, writers go on, the broker comes back: nothing is lost or given up, the backlog comes in order, no relay grows with it. */
export async function runOutage(options: OutageOptions): Promise<OutageResult> {
  const { events, downMs = Number.POSITIVE_INFINITY } = options;
  const rss = { up: 0, down: 0, draining: 0 };
  let phase: Phase = "up";
  let maxHeld = 0;
  const speed = { up: 0, down: 0, draining: 0 };
  const seconds = { up: 0, down: 0, draining: 0 };
  const [stage, result] = await Stage.with(options, async (own) => {
    const broker = await own.broker();
    const relays = Array.from({ length: RELAYS }, (_, i) =>
      own.relay(i, {}, (told) => {
        rss[phase] = Math.max(rss[phase], told.rss ?? 0);
        maxHeld = Math.max(maxHeld, told.held ?? 0);
      }),
    );
    own.hireWriters();
    await own.ready();
    const timed = async (count: () => number, done: () => boolean) => {
      const startedAt = performance.now();
      const before = count();
      await own.until(done);
      seconds[phase] = (performance.now() - startedAt) / 1_000;
      speed[phase] = Math.round((count() - before) / seconds[phase]);
      own.progress(`${phase}: ${count() - before} events in ${Math.round(seconds[phase])} s, ${speed[phase]}/s`);
    };
    const warm = Math.floor(Math.min(events * WARM, MOST_WARM) / WRITERS);
    own.allow(warm);
    await timed(
      () => own.written,
      () => own.written >= warm * WRITERS,
    );
    await own.until(() => own.arrived.size >= own.written);
    await broker.pause();
    phase = "down";
    own.allow(Number.MAX_SAFE_INTEGER);
    const endsAt = performance.now() + downMs;
    const areDone = () => own.writers.every(({ isDone }) => isDone);
    await timed(
      () => own.written,
      () => areDone() || performance.now() >= endsAt,
    );
    for (const writer of own.writers) writer.order({ enough: true });
    await own.until(areDone);
    phase = "draining";
    await broker.resume();
    await timed(
      () => own.arrived.size,
      () => own.arrived.size >= own.written,
    );
    await own.untilDrained();
    await Promise.all(relays.map((relay) => relay.stop()));
    const judged = await own.judge(false, own.written);
    if (downMs === Number.POSITIVE_INFINITY && own.written !== events) {
      own.problems.push(`${own.written} events were written, not ${events}`);
    }
    const growthMb = (Math.max(rss.down, rss.draining) - rss.up) / 2 ** 20;
    if (growthMb > MAX_GROWTH_MB) own.problems.push(`a relay grew by ${Math.round(growthMb)} MB`);
    if (maxHeld > MAX_HELD) own.problems.push(`a relay held ${maxHeld} events`);
    if (options.judgeSpeed && speed.down < speed.up * MIN_SPEED) {
      own.problems.push(`writing fell from ${speed.up}/s to ${speed.down}/s`);
    }
    return judged;
  });
  const mb = (bytes: number) => Math.round(bytes / 2 ** 20);
  return {
    ok: stage.problems.length === 0,
    store: options.store,
    problems: stage.problems,
    ...(result ?? account([], [], [])),
    secondsDown: Math.round(seconds.down),
    writtenPerSecond: { up: speed.up, down: speed.down },
    drainedPerSecond: speed.draining,
    relayRssMb: { up: mb(rss.up), down: mb(rss.down), draining: mb(rss.draining) },
    maxHeld,
    troubles: Object.fromEntries(stage.troubles),
  };
}
