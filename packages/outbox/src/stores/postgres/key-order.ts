import type { ClientBase } from "pg";
import type { Tables } from "./tables.ts";

/** A key of a topic. */
export interface Key {
  readonly topic: string;
  readonly key: string | undefined;
}

/**
 * Restores, for keys, what holds between transactions: of a key's parked rows only the oldest has a time for the next try, and not even
 * that one while a dead row halts the key. Runs inside every transaction that adds or removes parked or dead rows, after
 * {@link lockBuckets}.
 */
export async function restoreKeyOrder(client: ClientBase, t: Tables, keys: readonly Key[]): Promise<void> {
  const distinct = distinctKeys(keys);
  if (distinct.topics.length === 0) return;
  await client.query({
    text: `WITH k AS MATERIALIZED (
        SELECT k.topic, k.key, (SELECT r.pos FROM ${t.retry} r WHERE ${same("r", "k")} ORDER BY r.pos LIMIT 1) AS head,
               EXISTS (SELECT 1 FROM ${t.dead} d WHERE ${same("d", "k")} AND d.halts) AS halted
        FROM unnest($1::text[], $2::text[]) AS k (topic, key)),
      demoted AS (
        UPDATE ${t.retry} r SET next_at = NULL FROM k
        WHERE ${same("r", "k")} AND r.next_at IS NOT NULL AND (k.halted OR r.pos <> k.head))
      UPDATE ${t.retry} r SET next_at = clock_timestamp() FROM k WHERE r.pos = k.head AND NOT k.halted AND r.next_at IS NULL`,
    values: [distinct.topics, distinct.keys],
  });
}

/** Changes of parked and dead rows of one bucket follow each other, whoever makes them. Always in this order, so that none waits in a circle. */
export async function lockBuckets(client: ClientBase, t: Tables, buckets: Iterable<number>): Promise<void> {
  await client.query({
    text: `SELECT 1 FROM ${t.lease} WHERE bucket = ANY($1::smallint[]) ORDER BY bucket FOR NO KEY UPDATE`,
    values: [[...new Set(buckets)]],
  });
}

/** Of these keys, those with an earlier event among the parked ones, or that are halted by a dead one. For {@link keyName}. */
export async function heldKeys(
  query: (config: { text: string; values: unknown[] }) => Promise<{ rows: { topic: string; key: string }[] }>,
  t: Tables,
  keys: readonly Key[],
): Promise<ReadonlySet<string>> {
  const distinct = distinctKeys(keys);
  if (distinct.topics.length === 0) return new Set();
  const { rows } = await query({
    text: `SELECT k.topic, k.key FROM unnest($1::text[], $2::text[]) AS k (topic, key)
           WHERE EXISTS (SELECT 1 FROM ${t.retry} r WHERE ${same("r", "k")})
              OR EXISTS (SELECT 1 FROM ${t.dead} d WHERE ${same("d", "k")} AND d.halts)`,
    values: [distinct.topics, distinct.keys],
  });
  return new Set(rows.map(keyName));
}

/** Unambiguous for any two strings. */
export function keyName({ topic, key }: Key): string {
  return `${topic.length}:${topic}${key}`;
}

/** By the hash, which has the index, and then by the key itself. */
function same(row: string, k: string): string {
  return `${row}.topic = ${k}.topic AND hashtextextended(${row}.key, 0) = hashtextextended(${k}.key, 0) AND ${row}.key = ${k}.key AND ${row}.key IS NOT NULL`;
}

function distinctKeys(keys: readonly Key[]): { topics: string[]; keys: string[] } {
  const distinct = new Map(keys.filter(({ key }) => key !== undefined).map((one) => [keyName(one), one]));
  const list = [...distinct.values()];
  return { topics: list.map(({ topic }) => topic), keys: list.map(({ key }) => key!) };
}
