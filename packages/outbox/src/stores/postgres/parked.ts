import type { ClaimOptions, OutboxRow } from "../../store.ts";
import type { Line } from "./line.ts";
import type { Tables } from "./tables.ts";

/** Parked rows of one key that are read at once behind their head. */
const FOLLOWERS = 100;
/** Scheduled rows of one statement. */
const CHUNK = 1_000;

/** Parked rows of these buckets whose time has come, each with those behind it. Only events that are wanted are fetched. */
export async function claimParked(
  line: Line,
  t: Tables,
  options: ClaimOptions,
  buckets: ReadonlySet<number>,
): Promise<readonly OutboxRow[]> {
  const { rows: due } = await line.query({
    name: "wb_parked",
    // statement_timestamp() and not clock_timestamp(), which no index can be searched with.
    text: `SELECT h.pos AS head, r.* FROM (
        SELECT pos, topic, key, octet_length(event) AS bytes, next_at FROM ${t.retry}
        WHERE next_at <= statement_timestamp() AND bucket = ANY($1::smallint[]) AND topic <> ALL($2::text[])
        ORDER BY next_at, pos LIMIT $3) h
      CROSS JOIN LATERAL (
        SELECT h.pos, h.bytes
        UNION ALL
        (SELECT f.pos, octet_length(f.event) FROM ${t.retry} f
         WHERE h.key IS NOT NULL AND f.key IS NOT NULL AND f.topic = h.topic
           AND hashtextextended(f.key, 0) = hashtextextended(h.key, 0) AND f.key = h.key AND f.pos > h.pos
         ORDER BY f.pos LIMIT ${FOLLOWERS})) r
      ORDER BY h.next_at, h.pos, r.pos`,
    values: [[...buckets], [...options.exceptTopics], options.max + options.skip.size],
  });
  const wanted: number[] = [];
  let bytes = 0;
  for (const row of due) {
    // Behind a row that is being worked on, all of its key wait.
    if (options.skip.has(Number(row.head)) || options.skip.has(Number(row.pos))) continue;
    wanted.push(Number(row.pos));
    bytes += Number(row.bytes);
    if (wanted.length >= options.max || bytes >= options.maxBytes) break;
  }
  if (wanted.length === 0) return [];
  const { rows } = await line.query({
    name: "wb_parked_rows",
    text: `SELECT r.* FROM unnest($1::bigint[]) WITH ORDINALITY w (pos, n)
      JOIN ${t.retry} r ON r.pos = w.pos ORDER BY w.n`,
    values: [wanted],
  });
  return rows.map((row) => ({
    position: Number(row.pos),
    bucket: Number(row.bucket),
    topic: row.topic as string,
    key: (row.key as string | null) ?? undefined,
    event: row.event as string,
    attempts: Number(row.attempts),
    parked: true,
    behind: false,
  }));
}

/** Scheduled rows of these buckets whose time has come enter the outbox, at its end. */
export async function admitScheduled(line: Line, t: Tables, buckets: ReadonlySet<number>): Promise<void> {
  let admitted: number;
  do {
    const { rowCount } = await line.query({
      name: "wb_admit",
      text: `WITH due AS (
          SELECT pos FROM ${t.scheduled} WHERE due_at <= statement_timestamp() AND bucket = ANY($1::smallint[])
          ORDER BY due_at, pos LIMIT ${CHUNK} FOR UPDATE SKIP LOCKED),
        gone AS (DELETE FROM ${t.scheduled} s USING due WHERE s.pos = due.pos RETURNING s.*)
        INSERT INTO ${t.outbox} (bucket, topic, key, event) SELECT bucket, topic, key, event FROM gone ORDER BY due_at, pos`,
      values: [[...buckets]],
    });
    admitted = rowCount ?? 0;
  } while (admitted === CHUNK);
}
