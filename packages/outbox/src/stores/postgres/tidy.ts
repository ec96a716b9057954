import type { Client } from "pg";
import { PINNED } from "./fetch-text.ts";
import type { Line } from "./line.ts";
import type { Tables } from "./tables.ts";

/** Relays tidy one at a time; the number is arbitrary and must not change. */
const LOCK = 7_294_618_306;
/** A partition of the published rows holds a quarter of what is kept, within these bounds. */
const MIN_PERIOD_MS = 60_000;
const MAX_PERIOD_MS = 86_400_000;

/** So much of a table is looked through in one transaction: a longer one would keep VACUUM from the outbox itself. */
const PIECE_PAGES = 128;

/** Of the connection that tidies. Who reads a partition for long must not hold up the relay, which waits for the lock behind ours. */
export const setupTidying = (client: Client) => client.query(`${PINNED}; SET lock_timeout = '200ms'`);

/**
 * Forgets relays that are gone, and published rows that were kept long enough: whole partitions are dropped, so that nothing is left for
 * VACUUM. Partitions are made ahead; a row that comes before its partition goes into the default one, where the first ones of an outbox are.
 */
export async function tidyTables(line: Line, t: Tables, keepSentMs: number): Promise<void> {
  const cutMs = await tidyPartitions(line, t, keepSentMs);
  if (cutMs !== undefined) await emptyDefault(line, t, cutMs);
}

/** Answers up to when rows are to be forgotten; nothing where none are kept, or another relay tidies. */
function tidyPartitions(line: Line, t: Tables, keepSentMs: number): Promise<number | undefined> {
  return line.transaction(async (client) => {
    const { rows } = await client.query({ text: "SELECT pg_try_advisory_xact_lock($1) AS mine", values: [LOCK] });
    if (rows[0].mine !== true) return undefined;
    await client.query(`DELETE FROM ${t.relay} WHERE until < clock_timestamp() - interval '1 day'`);
    if (keepSentMs <= 0) return undefined;
    const { rows: parts } = await client.query({
      text: `SELECT c.relname AS name, (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now
             FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass($1)`,
      values: [t.sent],
    });
    const nowMs = Number(parts[0].now);
    // The server knows no time as long ago as some ask to keep rows for.
    const cutMs = Math.max(0, nowMs - keepSentMs);
    const ranges = parts.flatMap(({ name }) => {
      const [, from, to] = /^outbox_sent_(\d+)_(\d+)$/.exec(name as string) ?? [];
      return from === undefined ? [] : [{ name: name as string, from: Number(from), to: Number(to) }];
    });
    for (const { name, to } of ranges) {
      if (to <= cutMs) await client.query(`DROP TABLE ${t.schema}."${name}"`);
    }
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
    return cutMs;
  });
}

/**
 * Piece by piece in the order of its pages, so that none is looked through twice. PostgreSQL 13 does not find pages by their number: there
 * it is one piece.
 */
async function emptyDefault(line: Line, t: Tables, cutMs: number): Promise<void> {
  const table = `${t.schema}.outbox_sent_default`;
  const { rows } = await line.query({
    text: `SELECT pg_relation_size(to_regclass($1)) / current_setting('block_size')::int AS pages,
                  current_setting('server_version_num')::int >= 140000 AS finds`,
    values: [table],
  });
  const pages = Number(rows[0].pages);
  const piece = rows[0].finds === true ? PIECE_PAGES : pages;
  for (let page = 0; page < pages; page += piece) {
    await line.query({
      text: `DELETE FROM ${table} WHERE ctid >= '(${page},0)' AND ctid < '(${page + piece},0)'
             AND sent_at < to_timestamp($1::float8 / 1000)`,
      values: [cutMs],
    });
  }
}
