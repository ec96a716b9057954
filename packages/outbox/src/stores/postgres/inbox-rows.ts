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

  return {
    has: (key) =>
      connections.run(async (client) => {
        const { rowCount } = await client.query({
          name: t.statement("has"),
          text: `SELECT 1 FROM ${t.inbox} WHERE key = $1 LIMIT 1`,
          values: [digest(key)],
        });
        return rowCount === 1;
      }),

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
