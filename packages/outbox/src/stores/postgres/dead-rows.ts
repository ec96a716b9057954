import type { ClientBase } from "pg";
import { BUCKETS, type DeadRow, type DeadRows } from "../../store.ts";
import type { Connections } from "./connections.ts";
import { databaseError } from "./database-errors.ts";
import { lockBuckets, restoreKeyOrder } from "./key-order.ts";
import type { Tables } from "./tables.ts";
import { inTransaction } from "./transaction.ts";

interface Taken {
  readonly pos: string;
  readonly bucket: number;
  readonly topic: string;
  readonly key: string | null;
}

/** Whatever is set for the application: behind the lock of a bucket the transaction must see what others have done. */
const READ_COMMITTED = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED";

/** `open` makes the store ready; `changed` runs after what may have given relays new work. */
export function postgresDeadRows(
  connections: Connections,
  t: Tables,
  open: () => Promise<void>,
  changed: () => void,
): DeadRows {
  const transact = async (work: (client: ClientBase) => Promise<number>): Promise<number> => {
    await open();
    let count: number;
    try {
      count = await inTransaction(
        connections,
        async (client) => {
          await client.query(READ_COMMITTED);
          return work(client);
        },
        undefined,
      );
    } catch (error) {
      throw databaseError(error, connections.store);
    }
    changed();
    return count;
  };

  /** Takes rows out of the dead ones, in one transaction. */
  const take = (positions: readonly number[], before: (client: ClientBase) => Promise<unknown>) =>
    transact(async (client) => {
      const { rows } = await client.query<Taken>(
        `SELECT pos, bucket, topic, key FROM ${t.dead} WHERE pos = ANY($1::bigint[])`,
        [positions],
      );
      await lockBuckets(
        client,
        t,
        rows.map(({ bucket }) => bucket),
      );
      await before(client);
      const gone = await client.query<Taken>(
        `DELETE FROM ${t.dead} WHERE pos = ANY($1::bigint[]) RETURNING pos, bucket, topic, key`,
        [rows.map(({ pos }) => pos)],
      );
      await restoreKeyOrder(
        client,
        t,
        gone.rows.map(({ topic, key }) => ({ topic, key: key ?? undefined })),
      );
      return gone.rows.length;
    });

  return {
    async list({ max, after }) {
      await open();
      return connections.run(async (client) => {
        const { rows } = await client.query(
          `SELECT pos, topic, key, event, reason, error, attempts, 
                  (extract(epoch FROM dead_at) * 1000)::float8 AS dead_at_ms, halts FROM ${t.dead} WHERE pos > $1 ORDER BY pos LIMIT $2`,
          [after, max],
        );
        return rows.map(
          (row): DeadRow => ({
            position: Number(row.pos),
            topic: row.topic,
            key: row.key ?? undefined,
            event: row.event,
            reason: row.reason,
            error: row.error,
            attempts: row.attempts,
            deadAtMs: Number(row.dead_at_ms),
            haltsKey: row.halts,
          }),
        );
      });
    },

    retry: (positions) =>
      take(positions, (client) =>
        client.query(
          `INSERT INTO ${t.retry} (pos, bucket, topic, key, event, attempts, next_at)
           SELECT pos, bucket, topic, key, event, 0, clock_timestamp() FROM ${t.dead} WHERE pos = ANY($1::bigint[])
           ON CONFLICT (pos) DO NOTHING`,
          [positions],
        ),
      ),

    discard: (positions) => take(positions, async () => undefined),

    retryParked: () =>
      transact(async (client) => {
        await lockBuckets(
          client,
          t,
          Array.from({ length: BUCKETS }, (_, bucket) => bucket),
        );
        const { rowCount } = await client.query(
          `UPDATE ${t.retry} SET next_at = clock_timestamp() WHERE next_at > clock_timestamp()`,
        );
        return rowCount ?? 0;
      }),
  };
}
