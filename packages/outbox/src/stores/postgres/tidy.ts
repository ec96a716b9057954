import type { Line } from "./line.ts";
import type { Tables } from "./tables.ts";

/** Relays tidy one at a time; the number is arbitrary and must not change. */
const LOCK = 7_294_618_306;
/** A partition of the published rows holds a quarter of what is kept, within these bounds. */
const MIN_PERIOD_MS = 60_000;
const MAX_PERIOD_MS = 86_400_000;

/**
 * Forgets relays that are gone, and published rows that were kept long enough: whole partitions are dropped, so that nothing is left for
 * VACUUM. Partitions are made ahead; a row that comes before its partition goes into the default one.
 */
export async function tidyTables(line: Line, t: Tables, keepSentMs: number): Promise<void> {
  await line.transaction(async (client) => {
    const { rows } = await client.query({ text: "SELECT pg_try_advisory_xact_lock($1) AS mine", values: [LOCK] });
    if (rows[0].mine !== true) return;
    await client.query(`DELETE FROM ${t.relay} WHERE until < clock_timestamp() - interval '1 day'`);
    if (keepSentMs <= 0) return;
    // Who reads a partition for long must not hold up the relay.
    await client.query("SET LOCAL lock_timeout = '200ms'");
    const { rows: parts } = await client.query({
      text: `SELECT c.relname AS name, (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now
             FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass($1)`,
      values: [t.sent],
    });
    const nowMs = Number(parts[0].now);
    const cutMs = nowMs - keepSentMs;
    const ranges = parts.flatMap(({ name }) => {
      const [, from, to] = /^outbox_sent_(\d+)_(\d+)$/.exec(name as string) ?? [];
      return from === undefined ? [] : [{ name: name as string, from: Number(from), to: Number(to) }];
    });
    for (const { name, to } of ranges) {
      if (to <= cutMs) await client.query(`DROP TABLE ${t.schema}."${name}"`);
    }
    await client.query({
      text: `DELETE FROM ${t.schema}.outbox_sent_default WHERE sent_at < to_timestamp($1::float8 / 1000)`,
      values: [cutMs],
    });
    const periodMs = Math.round(Math.min(MAX_PERIOD_MS, Math.max(MIN_PERIOD_MS, keepSentMs / 4)));
    const from = Math.max(Math.ceil(nowMs / periodMs) * periodMs, ...ranges.map(({ to }) => to));
    // One whole period ahead: the default partition is empty there, and nothing has to be looked through.
    if (from < nowMs + periodMs) {
      const to = from + periodMs;
      await client.query(
        `CREATE TABLE ${t.schema}.outbox_sent_${from}_${to} PARTITION OF ${t.sent}
         FOR VALUES FROM (to_timestamp(${from / 1000})) TO (to_timestamp(${to / 1000}))`,
      );
    }
  });
}
