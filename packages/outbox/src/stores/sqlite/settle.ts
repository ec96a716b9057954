import type { DatabaseSync } from "node:sqlite";
import type { Failure, PublishedRow } from "../../store.ts";
import { restoreKeyOrder } from "./key-order.ts";
import { statement } from "./statements.ts";

/** Removes published rows; keeps a copy of each where `keepSentMs` asks for it. Inside a write transaction. */
export function removePublished(db: DatabaseSync, rows: readonly PublishedRow[], keep: boolean, nowMs: number): void {
  for (const row of rows) {
    const table = row.parked ? "outbox_retry" : "outbox";
    if (keep) {
      statement(
        db,
        `INSERT OR IGNORE INTO main.outbox_sent (pos, topic, key, event, sent_at)
         SELECT pos, topic, key, event, ? FROM main.${table} WHERE pos = ?`,
      ).run(nowMs, row.position);
    }
    statement(db, `DELETE FROM main.${table} WHERE pos = ?`).run(row.position);
    if (row.parked) restoreKeyOrder(db, row.topic, row.key ?? null, nowMs);
  }
}

/** Moves rows that were not published to where they wait. A row that is gone was published by another relay, and stays gone. */
export function settleFailure(db: DatabaseSync, failure: Failure, nowMs: number): void {
  const { row } = failure;
  const from = row.parked ? "outbox_retry" : "outbox";
  if (failure.kind === "dead") {
    statement(
      db,
      `INSERT OR REPLACE INTO main.outbox_dead (pos, bucket, topic, key, event, attempts, reason, error, dead_at, halts)
       SELECT pos, bucket, topic, key, event, ?, ?, ?, ?, ? FROM main.${from} WHERE pos = ?`,
    ).run(
      failure.attempts,
      failure.reason,
      failure.error,
      nowMs,
      failure.haltsKey && row.key !== undefined ? 1 : 0,
      row.position,
    );
    statement(db, `DELETE FROM main.${from} WHERE pos = ?`).run(row.position);
  } else if (row.parked) {
    if (failure.kind === "retry") {
      statement(db, "UPDATE main.outbox_retry SET attempts = ?, next_at = ?, last_error = ? WHERE pos = ?").run(
        failure.attempts,
        nowMs + failure.delayMs,
        failure.error,
        row.position,
      );
    }
  } else {
    const retry = failure.kind === "retry" ? failure : { attempts: 0, delayMs: 0, error: null };
    statement(
      db,
      `INSERT OR IGNORE INTO main.outbox_retry (pos, bucket, topic, key, event, attempts, next_at, last_error)
       SELECT pos, bucket, topic, key, event, ?, ?, ? FROM main.outbox WHERE pos = ?`,
    ).run(retry.attempts, nowMs + retry.delayMs, retry.error, row.position);
    statement(db, "DELETE FROM main.outbox WHERE pos = ?").run(row.position);
  }
  restoreKeyOrder(db, row.topic, row.key ?? null, nowMs);
}
