import type { ClientBase } from "pg";
import type { Failure, OutboxRow, PublishedRow } from "../../store.ts";
import { lockBuckets, restoreKeyOrder } from "./key-order.ts";
import type { Line } from "./line.ts";
import type { Tables } from "./tables.ts";
import { withWritableErrors } from "./writable-errors.ts";

/** The number of the type in every server. */
const BIGINT = 20;
/** Rows of one statement that removes. */
const CHUNK = 5_000;

/** Removes published rows; keeps a copy of each where `keep` asks for it. */
export async function removePublished(
  line: Line,
  t: Tables,
  rows: readonly PublishedRow[],
  keep: boolean,
): Promise<void> {
  const fresh = rows.filter((row) => !row.parked);
  for (let from = 0; from < fresh.length; from += CHUNK) {
    await line.query({
      name: "wb_remove",
      text: removeText(t, t.outbox, keep),
      values: [positions(fresh.slice(from, from + CHUNK))],
    });
  }
  const parked = rows.filter((row) => row.parked);
  if (parked.length === 0) return;
  await line.transaction(async (client) => {
    await lockBuckets(
      client,
      t,
      parked.map(({ bucket }) => bucket),
    );
    await client.query({ text: removeText(t, t.retry, keep), values: [positions(parked)] });
    await restoreKeyOrder(client, t, parked);
  });
}

function removeText(t: Tables, table: string, keep: boolean): string {
  const remove = `DELETE FROM ${table} WHERE pos = ANY($1::bigint[])`;
  if (!keep) return remove;
  return `WITH gone AS (${remove} RETURNING pos, topic, key, event)
          INSERT INTO ${t.sent} (pos, topic, key, event, sent_at) SELECT pos, topic, key, event, clock_timestamp() FROM gone`;
}

/** A `bigint[]` in binary: as text both sides would turn each number into digits and back. */
function positions(rows: readonly PublishedRow[]): Buffer {
  const array = Buffer.allocUnsafe(20 + 12 * rows.length);
  // Dimensions, whether there are nulls, the type, and of the one dimension its length and first number.
  let at = 0;
  for (const number of [1, 0, BIGINT, rows.length, 1]) at = array.writeInt32BE(number, at);
  for (const { position } of rows) {
    at = array.writeInt32BE(8, at);
    at = array.writeInt32BE(Math.floor(position / 2 ** 32), at);
    at = array.writeUInt32BE(position >>> 0, at);
  }
  return array;
}

/**
 * Moves rows that were not published to where they wait, inside a transaction that holds their buckets. A row that is gone was published
 * by another relay, and stays gone.
 */
export async function settleFailures(client: ClientBase, t: Tables, told: readonly Failure[]): Promise<void> {
  const failures = await withWritableErrors(client, told);
  const dead = failures.filter((failure) => failure.kind === "dead");
  const waiting = failures.filter((failure) => failure.kind !== "dead");
  await park(
    client,
    t,
    waiting.filter(({ row }) => !row.parked),
  );
  await postpone(
    client,
    t,
    waiting.filter((failure) => failure.kind === "retry" && failure.row.parked),
  );
  for (const parked of [false, true]) {
    await bury(
      client,
      t,
      dead.filter(({ row }) => row.parked === parked),
      parked ? t.retry : t.outbox,
    );
  }
  await restoreKeyOrder(
    client,
    t,
    failures.map(({ row }) => row),
  );
}

async function park(client: ClientBase, t: Tables, failures: readonly Failure[]): Promise<void> {
  if (failures.length === 0) return;
  await client.query({
    text: `WITH f AS (SELECT * FROM unnest($1::bigint[], $2::int[], $3::float8[], $4::text[]) AS f (pos, attempts, delay, error)),
      gone AS (DELETE FROM ${t.outbox} o USING f WHERE o.pos = f.pos RETURNING o.pos, o.bucket, o.topic, o.key, o.event, f.attempts, f.delay, f.error)
      INSERT INTO ${t.retry} (pos, bucket, topic, key, event, attempts, next_at, last_error)
      SELECT pos, bucket, topic, key, event, attempts, clock_timestamp() + delay * interval '1 ms', error FROM gone
      ON CONFLICT (pos) DO NOTHING`,
    values: tries(failures),
  });
}

async function postpone(client: ClientBase, t: Tables, failures: readonly Failure[]): Promise<void> {
  if (failures.length === 0) return;
  await client.query({
    text: `UPDATE ${t.retry} r SET attempts = f.attempts, next_at = clock_timestamp() + f.delay * interval '1 ms', last_error = f.error
      FROM unnest($1::bigint[], $2::int[], $3::float8[], $4::text[]) AS f (pos, attempts, delay, error) WHERE r.pos = f.pos`,
    values: tries(failures),
  });
}

function tries(failures: readonly Failure[]): unknown[] {
  const of = <T>(pick: (failure: Extract<Failure, { kind: "retry" }>) => T, otherwise: T) =>
    failures.map((failure) => (failure.kind === "retry" ? pick(failure) : otherwise));
  return [
    failures.map(({ row }) => row.position),
    of((failure) => failure.attempts, 0),
    of((failure) => failure.delayMs, 0),
    of<string | null>((failure) => failure.error, null),
  ];
}

async function bury(
  client: ClientBase,
  t: Tables,
  failures: readonly Extract<Failure, { kind: "dead" }>[],
  from: string,
): Promise<void> {
  if (failures.length === 0) return;
  const of = <T>(pick: (failure: (typeof failures)[number]) => T) => failures.map(pick);
  await client.query({
    text: `WITH f AS (SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::boolean[]) AS f (pos, attempts, reason, error, halts)),
      gone AS (DELETE FROM ${from} o USING f WHERE o.pos = f.pos
               RETURNING o.pos, o.bucket, o.topic, o.key, o.event, f.attempts, f.reason, f.error, f.halts)
      INSERT INTO ${t.dead} (pos, bucket, topic, key, event, attempts, reason, error, dead_at, halts)
      SELECT pos, bucket, topic, key, event, attempts, reason, error, clock_timestamp(), halts FROM gone
      ON CONFLICT (pos) DO UPDATE SET attempts = excluded.attempts, reason = excluded.reason, error = excluded.error,
        dead_at = excluded.dead_at, halts = excluded.halts`,
    values: [
      of(({ row }) => row.position),
      of(({ attempts }) => attempts),
      of(({ reason }) => reason),
      of(({ error }) => error),
      of(({ haltsKey, row }) => haltsKey && row.key !== undefined),
    ],
  });
}

export function bucketsOf(failures: readonly { readonly row: OutboxRow }[]): ReadonlySet<number> {
  return new Set(failures.map(({ row }) => row.bucket));
}
