import type { DeadRow, DeadRows } from "../../store.ts";
import { lockKeyOrder, restoreKeyOrder } from "./key-order.ts";
import { NOW_MS } from "./now.ts";
import type { Rows, Session, Statements } from "./session.ts";

type Row = { [Name in "pos" | "attempts" | "dead_at" | "halts"]: number } & { topic: string; reason: string } & {
  [Name in "event" | "error"]: Buffer;
} & { msg_key: Buffer | null };

export function mysqlDeadRows(session: () => Promise<Session>): DeadRows {
  /** Takes each row out of the dead ones, in one transaction. */
  const take = async (positions: readonly number[], before: (tx: Statements) => Promise<unknown>) => {
    if (positions.length === 0) return 0;
    return (await session()).transaction(async (tx) => {
      await lockKeyOrder(tx);
      const keys = await tx.query<Rows<{ key_hash: Buffer }>>(
        "SELECT DISTINCT key_hash FROM outbox_dead WHERE pos IN (?) AND key_hash IS NOT NULL",
        [positions],
      );
      await before(tx);
      const taken = await tx.query("DELETE FROM outbox_dead WHERE pos IN (?)", [positions]);
      await restoreKeyOrder(
        tx,
        keys.map((row) => row.key_hash),
      );
      return taken.affectedRows;
    });
  };

  return {
    async list({ max, after }) {
      const rows = await (await session()).query<Rows<Row>>(
        `SELECT pos, topic, msg_key, event, reason, error, attempts, dead_at, halts FROM outbox_dead
         WHERE pos > ? ORDER BY pos LIMIT ?`,
        [after, max],
      );
      return rows.map(
        (row): DeadRow => ({
          position: row.pos,
          topic: row.topic,
          key: row.msg_key?.toString("utf8"),
          event: row.event.toString("utf8"),
          reason: row.reason,
          error: row.error.toString("utf8"),
          attempts: row.attempts,
          deadAtMs: row.dead_at,
          haltsKey: row.halts === 1,
        }),
      );
    },

    retry: (positions) =>
      take(positions, (tx) =>
        tx.query(
          `INSERT INTO outbox_retry (pos, bucket, topic, msg_key, key_hash, event, attempts, next_at)
           SELECT pos, bucket, topic, msg_key, key_hash, event, 0, ${NOW_MS} FROM outbox_dead WHERE pos IN (?)`,
          [positions],
        ),
      ),

    discard: (positions) => take(positions, async () => undefined),

    retryParked: async () =>
      (await session()).transaction(async (tx) => {
        await lockKeyOrder(tx);
        const hastened = await tx.query(`UPDATE outbox_retry SET next_at = ${NOW_MS} WHERE next_at > ${NOW_MS}`, []);
        return hastened.affectedRows;
      }),
  };
}
