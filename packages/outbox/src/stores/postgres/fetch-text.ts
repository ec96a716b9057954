import { escapeLiteral } from "pg";
import type { Tables } from "./tables.ts";

/** Rows of one reading in order of position. */
export const FETCH = 2_000;
/** More rows than this that came late at once, such as by one long transaction, are read in order from the start instead. */
export const LATE = 5_000;
/** Positions looked at in one go while rows are filtered out. */
export const STRETCH = 50_000;
/** Events longer than this, in bytes, are fetched by themselves: thousands of them at once would not fit into memory. */
const LONG = 16_384;

/** What a reading begins after: the last position, and the transactions that were not over in the last snapshot. */
export interface After {
  readonly last: number;
  /** Ids, as the server writes them. */
  readonly xip: readonly string[];
  readonly xmax: string;
}

/** Which rows are wanted. */
export interface Only {
  /** `undefined`: all. */
  readonly buckets: readonly number[] | undefined;
  readonly exceptTopics: readonly string[];
}

/** How the values of a reading are written in its statement. */
interface Written {
  readonly last: string;
  readonly xip: string;
  readonly xmax: string;
  readonly buckets: string;
  readonly exceptTopics: string;
}

export const PARAMETERS: Written = { last: "$1", xip: "$2", xmax: "$3", buckets: "$4", exceptTopics: "$5" };

/** For a statement that takes no parameters. */
export function literals({ last, xip, xmax }: After, only: Only | undefined): Written {
  const list = (items: readonly string[]) => `ARRAY[${items.join(",")}]`;
  return {
    last: `${last}`,
    xip: list(xip.map(escapeLiteral)),
    xmax: escapeLiteral(xmax),
    buckets: only?.buckets === undefined ? "NULL" : list(only.buckets.map(String)),
    exceptTopics: list((only?.exceptTopics ?? []).map(escapeLiteral)),
  };
}

/**
 * One reading, as one statement and therefore in one snapshot: a header, rows that came late, rows after the last position.
 *
 * `pos + 0` keeps the planner from walking all positions below the last. A long event is left out of its row.
 */
export function fetchText(t: Tables, filtered: boolean, { last, xip, xmax, buckets, exceptTopics }: Written): string {
  const only = filtered
    ? `AND (${buckets}::smallint[] IS NULL OR bucket = ANY(${buckets}::smallint[])) AND topic <> ALL(${exceptTopics}::text[])`
    : "";
  const stretch = filtered ? `AND pos <= ${last}::bigint + ${STRETCH}` : "";
  const rows = `SELECT pos, bucket, topic, key, CASE WHEN octet_length(event) <= ${LONG} THEN event END AS event FROM ${t.outbox}`;
  return `SELECT NULL::bigint AS pos, NULL::smallint AS bucket, pg_current_snapshot()::text AS topic, concat_ws(' ',
      EXISTS (SELECT 1 FROM ${t.retry} WHERE key IS NOT NULL) OR EXISTS (SELECT 1 FROM ${t.dead} WHERE halts),
      coalesce(ceil(extract(epoch FROM least((SELECT min(next_at) FROM ${t.retry} WHERE next_at IS NOT NULL),
        (SELECT min(due_at) FROM ${t.scheduled})) - clock_timestamp()) * 1000)::text, '-'),
      (SELECT last_value FROM ${t.sequence})) AS key, NULL::text AS event
    UNION ALL
    (${rows} WHERE xid = ANY(${xip}::text[]::xid8[]) AND pos + 0 <= ${last}::bigint ${only} LIMIT ${LATE + 1})
    UNION ALL
    (${rows} WHERE xid >= ${xmax}::text::xid8 AND pos + 0 <= ${last}::bigint ${only} LIMIT ${LATE + 1})
    UNION ALL
    (${rows} WHERE pos > ${last}::bigint ${stretch} ${only} ORDER BY pos LIMIT ${FETCH})`;
}

/** The long events of some rows. */
export function longText(t: Tables): string {
  return `SELECT pos, event FROM ${t.outbox} WHERE pos = ANY($1::bigint[])`;
}

/** Where to begin: the snapshot, the oldest position if any, and the newest that was handed out. */
export function startText(t: Tables): string {
  return `SELECT pg_current_snapshot()::text AS snapshot, (SELECT min(pos) FROM ${t.outbox})::text AS oldest,
            (SELECT last_value FROM ${t.sequence})::text AS newest`;
}

/**
 * Settings of a relay's session. Statistics of a table that is empty most of the time mislead the planner, and a prepared plan would keep
 * its mistake: with these it can only walk the two indexes. What else a database or role has set for the application is taken back: after
 * waiting for a lock, a transaction of a stricter isolation would still see what was before. Older servers do not know all of the limits.
 */
export const PINNED = `SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off; SET plan_cache_mode = force_generic_plan;
  SET default_transaction_isolation = 'read committed'; SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN
  ('statement_timeout', 'lock_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout')`;
