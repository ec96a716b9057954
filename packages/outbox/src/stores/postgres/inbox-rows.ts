import type { InboxKey } from "@waybill/core";
import type { PoolClient } from "pg";
import { joinTransaction } from "../../handles/join-transaction.ts";
import { changedRows } from "../../inbox/changed-rows.ts";
import { idTimeMs, inboxId } from "../../inbox/inbox-id.ts";
import { outboxErrors } from "../../outbox-errors.ts";
import type { InboxRows } from "../../store.ts";
import type { Connections } from "./connections.ts";
import { databaseError, isLockTimeout } from "./database-errors.ts";
import type { Prepared } from "./in-one-message.ts";
import { INBOX_SLOTS } from "./schema.ts";
import type { Tables } from "./tables.ts";

const DAY_MS = 86_400_000;
/** The partition of ids without a time of their own. */
const FOREIGN = INBOX_SLOTS;
/** Rows of one statement that deletes. */
const CHUNK = 10_000;

/**
 * A partition for each day of the events' ids, in a ring: what is to be forgotten is one partition emptied at once, with nothing left for
 * VACUUM, and no table is made or dropped while handlers run. The same event always belongs to the same partition, so that recording it
 * looks at one index, and no day's end can come between it and its duplicate.
 */
export function postgresInboxRows<Tx>(connections: Connections, t: Tables, open: () => Promise<void>): InboxRows<Tx> {
  const table = (slot: number) => `${t.schema}.inbox_${slot}`;

  const recordAll = (tx: Tx, slot: number, ids: readonly Buffer[]): Promise<number> => {
    const length = ids[0]!.length;
    // All in one parameter, so that any number of them is one prepared statement.
    return changedRows(
      joinTransaction(tx, "postgres"),
      `INSERT INTO ${table(slot)} (key, slot, seen_at)
       SELECT substring(all_keys FROM i * ${length} + 1 FOR ${length}), ${slot}, clock_timestamp()
       FROM (SELECT $1::bytea AS all_keys) a, generate_series(0, length(all_keys) / ${length} - 1) i ON CONFLICT DO NOTHING`,
      [Buffer.concat(ids)],
      t.statement(`add_all_${slot}`),
    );
  };

  const inWords = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (isLockTimeout(error)) throw outboxErrors.WB_INBOX_BUSY({}, error);
      throw databaseError(error, connections.store);
    }
  };

  return {
    asksFirst: false,
    add: (tx, key) =>
      inWords(async () => {
        const { text, values, name } = recordOne(t, key);
        return (await changedRows(joinTransaction(tx, "postgres"), text, values, name)) === 1;
      }),

    addAll: (tx, keys) =>
      inWords(async () => {
        const bySlot = new Map<number, Buffer[]>();
        for (const key of keys) {
          const slot = slotOf(key);
          const ids = bySlot.get(slot);
          if (ids === undefined) bySlot.set(slot, [inboxId(key)]);
          else ids.push(inboxId(key));
        }
        for (const [slot, ids] of bySlot) if ((await recordAll(tx, slot, ids)) !== ids.length) return false;
        return true;
      }),

    async known(keys) {
      await open();
      return connections.run(async (client) => {
        const names = keys.map((key) => inboxId(key).toString("hex"));
        const { rows } = await client.query({
          name: t.statement("known"),
          text: `SELECT n AS name FROM unnest($1::text[], $2::smallint[]) w (n, slot)
                 WHERE EXISTS (SELECT 1 FROM ${t.inbox} i WHERE i.key = decode(w.n, 'hex') AND i.slot = w.slot)`,
          values: [names, keys.map(slotOf)],
        });
        const found = new Set(rows.map(({ name }) => name));
        return names.map((name) => found.has(name));
      });
    },

    async prune(olderThanMs) {
      await open();
      return connections.run(async (client) => {
        let pruned = 0;
        const { rows } = await client.query("SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now");
        const cutMs = (rows[0].now as number) - olderThanMs;
        for (let slot = 0; slot <= FOREIGN; slot++) pruned += await pruneSlot(client, slot, cutMs);
        return pruned;
      });
    },
  };

  /** Empties the partition when all in it is older; else removes rows one by one, those of a single day only once all of it is old. */
  async function pruneSlot(client: PoolClient, slot: number, cutMs: number): Promise<number> {
    const { rows } = await client.query(
      `SELECT count(*)::int AS n, extract(epoch FROM min(seen_at))::float8 * 1000 AS oldest,
              extract(epoch FROM max(seen_at))::float8 * 1000 AS newest FROM ${table(slot)}`,
    );
    const { n, oldest, newest } = rows[0] as { n: number; oldest: number | null; newest: number | null };
    if (oldest === null || newest === null || oldest >= cutMs) return 0;
    if (newest < cutMs) return emptied(client, slot, n, cutMs);
    if (slot !== FOREIGN && oldest >= cutMs - DAY_MS) return 0;
    let pruned = 0;
    for (;;) {
      const { rowCount } = await client.query(
        `DELETE FROM ${table(slot)} WHERE ctid = ANY (ARRAY (SELECT ctid FROM ${table(slot)} WHERE seen_at < to_timestamp($1::float8 / 1000) LIMIT ${CHUNK}))`,
        [cutMs],
      );
      pruned += rowCount ?? 0;
      if ((rowCount ?? 0) < CHUNK) return pruned;
    }
  }

  async function emptied(client: PoolClient, slot: number, n: number, cutMs: number): Promise<number> {
    await client.query("BEGIN ISOLATION LEVEL READ COMMITTED");
    try {
      // Handlers hold a lock on the partition until they end; whoever waits for this one waits for them too.
      await client.query("SET LOCAL lock_timeout = '1s'");
      await client.query(`LOCK TABLE ${table(slot)} IN ACCESS EXCLUSIVE MODE`);
      // They may have recorded an old event that came again.
      const { rows } = await client.query(
        `SELECT EXISTS (SELECT 1 FROM ${table(slot)} WHERE seen_at >= to_timestamp($1::float8 / 1000)) AS used`,
        [cutMs],
      );
      if (!rows[0].used) await client.query(`TRUNCATE ${table(slot)}`);
      await client.query("COMMIT");
      return rows[0].used ? 0 : n;
    } catch (error) {
      await client.query("ROLLBACK");
      if ((error as { code?: string }).code !== "55P03") throw error;
      return 0;
    }
  }
}

/** The statement that records one key. */
export function recordOne(t: Tables, key: InboxKey): Prepared {
  const slot = slotOf(key);
  return {
    name: t.statement(`add_${slot}`),
    text: `INSERT INTO ${t.schema}.inbox_${slot} (key, slot, seen_at) VALUES ($1, ${slot}, clock_timestamp()) ON CONFLICT DO NOTHING`,
    values: [inboxId(key)],
  };
}

function slotOf(key: InboxKey): number {
  const timeMs = idTimeMs(key.id);
  return timeMs === undefined ? FOREIGN : Math.floor(timeMs / DAY_MS) % INBOX_SLOTS;
}
