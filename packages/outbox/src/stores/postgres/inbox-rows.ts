import { createHash } from "node:crypto";
import type { InboxKey } from "@waybill/core";
import type { PoolClient } from "pg";
import { joinTransaction } from "../../handles/join-transaction.ts";
import type { InboxRows } from "../../store.ts";
import type { Connections } from "./connections.ts";
import { databaseError } from "./database-errors.ts";
import { INBOX_SLOTS } from "./schema.ts";
import type { Tables } from "./tables.ts";

const DAY_S = 86_400;
/** So long after midnight a key is recorded for both days, so that it meets a transaction which began before and has not ended. */
const OVERLAP_S = 3_600;

/**
 * A partition a day, in a ring: what is to be forgotten is one partition emptied at once, with nothing left for VACUUM, and no table is
 * made or dropped while handlers run. A key that is still there from the ring's last turn counts as processed: it was.
 */
export function postgresInboxRows<Tx>(connections: Connections, t: Tables): InboxRows<Tx> {
  const slotOf = (seconds: string) => `(floor(${seconds} / ${DAY_S})::bigint % ${INBOX_SLOTS})::smallint`;
  const add = `WITH n AS MATERIALIZED (SELECT extract(epoch FROM clock_timestamp()) AS s),
    yesterday AS (
      INSERT INTO ${t.inbox} (key, slot, seen_at)
      SELECT $1, ${slotOf(`(s - ${DAY_S})`)}, to_timestamp(s) FROM n WHERE s - floor(s / ${DAY_S}) * ${DAY_S} < ${OVERLAP_S}
      ON CONFLICT DO NOTHING RETURNING 1)
    INSERT INTO ${t.inbox} (key, slot, seen_at)
    SELECT $2, ${slotOf("s")}, to_timestamp(s) FROM n
    WHERE NOT EXISTS (SELECT 1 FROM ${t.inbox} WHERE key = $3)
      AND (s - floor(s / ${DAY_S}) * ${DAY_S} >= ${OVERLAP_S} OR EXISTS (SELECT 1 FROM yesterday))
    ON CONFLICT DO NOTHING`;

  // All keys in one parameter, so that any number of them is one prepared statement. Each is looked up by itself: no statistics
  // can make it one pass over the whole table.
  const addAll = `WITH n AS MATERIALIZED (SELECT extract(epoch FROM clock_timestamp()) AS s),
    p AS MATERIALIZED (SELECT $1::bytea AS keys),
    k AS MATERIALIZED (SELECT substring(keys FROM i * 32 + 1 FOR 32) AS key FROM p, generate_series(0, length(keys) / 32 - 1) i),
    yesterday AS (
      INSERT INTO ${t.inbox} (key, slot, seen_at)
      SELECT key, ${slotOf(`(s - ${DAY_S})`)}, to_timestamp(s) FROM n, k WHERE s - floor(s / ${DAY_S}) * ${DAY_S} < ${OVERLAP_S}
      ON CONFLICT DO NOTHING RETURNING key)
    INSERT INTO ${t.inbox} (key, slot, seen_at)
    SELECT key, ${slotOf("s")}, to_timestamp(s) FROM n, k
    WHERE (SELECT true FROM ${t.inbox} i WHERE i.key = k.key LIMIT 1) IS NULL
      AND (s - floor(s / ${DAY_S}) * ${DAY_S} >= ${OVERLAP_S} OR EXISTS (SELECT 1 FROM yesterday y WHERE y.key = k.key))
    ON CONFLICT DO NOTHING`;

  return {
    asksFirst: false,

    known: (keys) =>
      connections.run(async (client) => {
        const names = keys.map((key) => Buffer.from(digest(key)).toString("hex"));
        const { rows } = await client.query({
          name: t.statement("known"),
          text: `SELECT DISTINCT encode(key, 'hex') AS name FROM ${t.inbox} WHERE key = ANY (SELECT decode(n, 'hex') FROM unnest($1::text[]) n)`,
          values: [names],
        });
        const found = new Set(rows.map(({ name }) => name));
        return names.map((name) => found.has(name));
      }),

    async addAll(tx, keys) {
      if (keys.length === 0) return true;
      try {
        const names = Buffer.concat(keys.map(digest));
        return (await joinTransaction(tx, "postgres").execute(addAll, [names], t.statement("add_all"))) === keys.length;
      } catch (error) {
        throw databaseError(error, connections.store);
      }
    },

    async add(tx, key) {
      const name = digest(key);
      try {
        return (await joinTransaction(tx, "postgres").execute(add, [name, name, name], t.statement("add"))) === 1;
      } catch (error) {
        throw databaseError(error, connections.store);
      }
    },

    prune: (olderThanMs) =>
      connections.run(async (client) => {
        let pruned = 0;
        const { rows } = await client.query("SELECT extract(epoch FROM clock_timestamp())::float8 AS now");
        const cut = (rows[0].now as number) - olderThanMs / 1000;
        for (let slot = 0; slot < INBOX_SLOTS; slot++) pruned += await pruneSlot(client, slot, cut);
        return pruned;
      }),
  };

  /** Empties the partition when all in it is older; removes rows only where the cut goes through a partition that is younger than a day. */
  async function pruneSlot(client: PoolClient, slot: number, cut: number): Promise<number> {
    const table = `${t.schema}.inbox_${slot}`;
    const { rows } = await client.query(
      `SELECT count(*)::int AS n, extract(epoch FROM max(seen_at))::float8 AS newest,
              count(*) FILTER (WHERE seen_at < to_timestamp($1::float8))::int AS old FROM ${table}`,
      [cut],
    );
    const { n, newest, old } = rows[0] as { n: number; newest: number | null; old: number };
    if (newest === null || old === 0) return 0;
    if (newest < cut) {
      await client.query("BEGIN");
      try {
        // Handlers hold a lock on the partition until they end; whoever waits for this one waits for them too.
        await client.query("SET LOCAL lock_timeout = '1s'");
        await client.query(`TRUNCATE ${table}`);
        await client.query("COMMIT");
        return n;
      } catch (error) {
        await client.query("ROLLBACK");
        if ((error as { code?: string }).code !== "55P03") throw error;
        return 0;
      }
    }
    const now = Date.now() / 1000;
    if (cut < now - DAY_S) return 0;
    const removed = await client.query(`DELETE FROM ${table} WHERE seen_at < to_timestamp($1::float8)`, [cut]);
    return removed.rowCount ?? 0;
  }
}

/** 32 bytes for any four strings. JSON keeps them apart and escapes what UTF-8 could not tell apart: lone surrogates. */
function digest({ topic, subscription, source, id }: InboxKey): Uint8Array {
  return createHash("sha256")
    .update(JSON.stringify([topic, subscription, source, id]))
    .digest();
}
