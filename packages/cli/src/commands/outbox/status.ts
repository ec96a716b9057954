import type { Counts, Overview, Store } from "@waybill/outbox";
import { Command } from "commander";
import type { Action, Bind } from "../../action.ts";
import { EXIT } from "../../exit-codes.ts";
import type { Session } from "../../session.ts";
import { tableLines } from "../../table.ts";
import { withStore } from "./with-store.ts";

const EXAMPLES = `
Changes nothing, the tables' version included: exits 4 when they are not up to date. Reads the whole backlog.

Examples:
  waybill outbox status
  waybill outbox status --json | jq .counts.waiting`;

export function statusCommand(bind: Bind): Command {
  return new Command("status")
    .description("Show what waits in the outbox by topic, what was given up, the relays and their leases.")
    .addHelpText("after", EXAMPLES)
    .action(bind(() => status));
}

const status: Action = (session) =>
  withStore(session, async (store) => {
    const { applied, wanted } = await store.migrations.status();
    const schema = { applied, wanted };
    if (applied < wanted) {
      const text = applied === 0 ? "has no tables yet" : `has tables of version ${applied}, and ${wanted} is wanted`;
      if (session.json) await session.output.json({ outbox: store.name, schema });
      else await session.output.line(`${store.name} ${text}: run \`waybill outbox migrate\``);
      return EXIT.differs;
    }
    const [counts, overview] = await Promise.all([store.counts(), store.overview()]);
    await print(session, store, schema, counts, overview);
    return EXIT.ok;
  });

async function print(
  { json, output }: Session,
  store: Store,
  schema: { applied: number; wanted: number },
  counts: Counts,
  { topics, relays, problems = [] }: Overview,
): Promise<void> {
  const now = Date.now();
  if (json) {
    await output.json({
      outbox: store.name,
      schema,
      counts,
      topics: topics.map(({ topic, waiting, oldestMs }) => ({
        topic,
        waiting,
        oldestSeconds: oldestMs === undefined ? null : seconds(now - oldestMs),
      })),
      relays: relays.map(({ owner, buckets, untilMs }) => ({ owner, buckets, leaseSeconds: seconds(untilMs - now) })),
      problems: problems.map(({ message }) => message),
    });
    return;
  }
  await output.line(`${store.name}, version ${schema.applied}`);
  const { waiting, scheduled, parked, dead } = counts;
  await output.line(`waiting ${waiting}, scheduled ${scheduled}, parked ${parked}, dead ${dead}`);
  const rows = topics.map(({ topic, waiting: left, oldestMs }) => [
    `  ${topic}`,
    `${left} waiting`,
    oldestMs === undefined ? "" : `the oldest for ${seconds(now - oldestMs)} s`,
  ]);
  for (const line of tableLines(rows)) await output.line(line);
  if (relays.length === 0) await output.line("no relay works on it");
  const leases = relays.map(({ owner, buckets, untilMs }) => [
    `  relay ${owner}`,
    `${buckets} of 64 buckets`,
    `lease ends in ${seconds(untilMs - now)} s`,
  ]);
  for (const line of tableLines(leases)) await output.line(line);
  for (const { message } of problems) await output.line(message);
}

function seconds(ms: number): number {
  return Math.max(0, Math.round(ms / 100) / 10);
}
