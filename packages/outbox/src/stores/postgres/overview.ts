import type { ClientBase } from "pg";
import { eventTimeMs } from "../../event-text.ts";
import type { Counts, Overview } from "../../store.ts";
import type { Tables } from "./tables.ts";

export async function countRows(client: ClientBase, t: Tables): Promise<Counts> {
  const { rows } = await client.query<Record<keyof Counts, string>>(
    `SELECT (SELECT count(*) FROM ${t.outbox}) AS waiting, (SELECT count(*) FROM ${t.scheduled}) AS scheduled,
            (SELECT count(*) FROM ${t.retry}) AS parked, (SELECT count(*) FROM ${t.dead}) AS dead`,
  );
  const { waiting, scheduled, parked, dead } = rows[0]!;
  return { waiting: Number(waiting), scheduled: Number(scheduled), parked: Number(parked), dead: Number(dead) };
}

/** What waits by topic, and which relays hold how much. */
export async function postgresOverview(client: ClientBase, t: Tables): Promise<Overview> {
  const topics = await client.query(
    `SELECT w.topic, w.waiting, o.event AS oldest
     FROM (SELECT topic, count(*) AS waiting, min(pos) AS pos FROM ${t.outbox} GROUP BY topic) w
     JOIN ${t.outbox} o ON o.pos = w.pos ORDER BY w.topic`,
  );
  const relays = await client.query(
    `SELECT owner, count(*) AS buckets, (extract(epoch FROM max(until)) * 1000)::float8 AS until_ms FROM ${t.lease}
     WHERE owner IS NOT NULL AND until > clock_timestamp() GROUP BY owner ORDER BY owner`,
  );
  return {
    topics: topics.rows.map(({ topic, waiting, oldest }) => ({
      topic,
      waiting: Number(waiting),
      oldestMs: eventTimeMs(oldest as string),
    })),
    relays: relays.rows.map(({ owner, buckets, until_ms }) => ({
      owner,
      buckets: Number(buckets),
      untilMs: Number(until_ms),
    })),
  };
}
