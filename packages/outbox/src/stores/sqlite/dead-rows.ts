import type { DatabaseSync } from "node:sqlite";
import type { DeadRow, DeadRows } from "../../store.ts";
import { restoreKeyOrder } from "./key-order.ts";
import { onFile } from "./sqlite-errors.ts";
import { statement } from "./statements.ts";
import type { Writer } from "./writer.ts";

export function sqliteDeadRows(store: { path: string; writer: Writer; reader: () => Promise<DatabaseSync> }): DeadRows {
  /** Takes each row out of the dead ones, in one transaction. */
  const take = (positions: readonly number[], before: (db: DatabaseSync, position: number) => void) =>
    store.writer.run((db) => {
      const now = Date.now();
      let taken = 0;
      for (const position of positions) {
        before(db, position);
        const row = statement(db, "DELETE FROM main.outbox_dead WHERE pos = ? RETURNING topic, key").get(position);
        if (row === undefined) continue;
        restoreKeyOrder(db, row.topic as string, row.key as string | null, now);
        taken++;
      }
      store.writer.addedRows(db);
      return taken;
    });

  return {
    async list({ max, after }) {
      const reader = await store.reader();
      const rows = onFile(store.path, () =>
        statement(
          reader,
          "SELECT pos, topic, key, event, reason, error, attempts, dead_at, halts FROM outbox_dead WHERE pos > ? ORDER BY pos LIMIT ?",
        ).all(after, max),
      );
      return rows.map(
        (row): DeadRow => ({
          position: row.pos as number,
          topic: row.topic as string,
          key: (row.key as string | null) ?? undefined,
          event: row.event as string,
          reason: row.reason as string,
          error: row.error as string,
          attempts: row.attempts as number,
          deadAtMs: row.dead_at as number,
          haltsKey: row.halts === 1,
        }),
      );
    },

    retry: (positions) =>
      take(positions, (db, position) => {
        statement(
          db,
          `INSERT INTO main.outbox_retry (pos, bucket, topic, key, event, attempts, next_at)
           SELECT pos, bucket, topic, key, event, 0, ? FROM main.outbox_dead WHERE pos = ?`,
        ).run(Date.now(), position);
      }),

    discard: (positions) => take(positions, () => undefined),

    retryParked: () =>
      store.writer.run((db) => {
        const now = Date.now();
        const { changes } = statement(db, "UPDATE main.outbox_retry SET next_at = ? WHERE next_at > ?").run(now, now);
        store.writer.addedRows(db);
        return Number(changes);
      }),
  };
}
