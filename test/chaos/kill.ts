import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChaosReport } from "./chaos-case.ts";
import { problemsIn } from "./kill-check.ts";
import { ended, killNow, pidOf, processedIn, startSample, stopSample, until } from "./kill-sample.ts";

export interface KillOptions {
  readonly events: number;
  readonly seed: number;
  readonly kills: number;
  readonly progress?: (line: string) => void;
}

export interface KillResult extends ChaosReport {
  /** Every kill was made, nothing was lost or counted twice, and the totals are those of the file. */
  readonly ok: boolean;
  readonly problems: readonly string[];
  readonly killed: { readonly relay: number; readonly consumers: number };
  readonly published: number;
  readonly processed: number;
  readonly duplicatesDropped: number;
  readonly seconds: number;
}

const ROLES = ["relay", "consumer-1", "consumer-2"] as const;

/**
 * The flights sample over Azurite, while `kill -9` meets its relay and its consumers. When is a matter of progress, not of time: each kill has
 * a seeded number of processed events that it waits for. The sample starts again what died; what it says at the end is checked against the databases and the file.
 */
export async function run({ events, seed, kills, progress = () => undefined }: KillOptions): Promise<KillResult> {
  const started = performance.now();
  const folder = await mkdtemp(join(tmpdir(), "waybill-kill-"));
  const sample = startSample(folder, { events, seed });
  const killed = { relay: 0, consumers: 0 };
  try {
    const plan = planKills({ events, seed, kills });
    for (const [index, { atProcessed, role }] of plan.entries()) {
      const processed = await until(sample, () => {
        const now = processedIn(folder);
        return now >= atProcessed ? now : undefined;
      });
      if (processed === undefined) break;
      const pid = pidOf(folder, role);
      if (pid === undefined || !killNow(pid)) continue;
      if (role === "relay") killed.relay++;
      else killed.consumers++;
      progress(`${index + 1}/${kills}: killed ${role} (${pid}) at ${processed} of ${events} processed`);
      await until(sample, () => (pidOf(folder, role) === pid ? undefined : true));
    }
    const { code, stdout, stderr } = await ended(sample, folder);
    const summary = lastLine(stdout);
    const problems = [
      ...(code === 0 ? [] : [`the sample ended with ${code}: ${stderr.trim().split("\n").slice(-5).join(" | ")}`]),
      ...(killed.relay + killed.consumers === kills
        ? []
        : [`${killed.relay + killed.consumers} of ${kills} kills made`]),
      ...(await problemsIn(folder, events)),
    ];
    return {
      ok: problems.length === 0,
      problems,
      killed,
      published: Number(summary.published ?? 0),
      processed: Number(summary.processed ?? 0),
      duplicatesDropped: Number(summary.duplicatesDropped ?? 0),
      seconds: Math.round((performance.now() - started) / 100) / 10,
    };
  } finally {
    await stopSample(sample);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Spread over the run up to nine tenths of it, never one role twice in a row, so that a kill meets a process at work and not one that is starting. */
function planKills({ events, seed, kills }: { events: number; seed: number; kills: number }) {
  const random = seeded(seed);
  let last = -1;
  return Array.from({ length: kills }, (_, index) => {
    const slice = (events * 0.9) / kills;
    last = (last + 1 + Math.floor(random() * (last < 0 ? ROLES.length : ROLES.length - 1))) % ROLES.length;
    return { atProcessed: Math.floor((index + random()) * slice), role: ROLES[last] as (typeof ROLES)[number] };
  });
}

function lastLine(text: string): Record<string, unknown> {
  const line = text.trim().split("\n").at(-1) ?? "";
  return line.startsWith("{") ? (JSON.parse(line) as Record<string, unknown>) : {};
}

function seeded(seed: number): () => number {
  let state = BigInt.asUintN(64, BigInt(seed) + 0x9e3779b97f4a7c15n);
  return () => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return Number(state >> 33n) / 2 ** 31;
  };
}
