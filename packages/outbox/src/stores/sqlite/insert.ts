import { realpathSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { outboxErrors } from "../../outbox-errors.ts";
import type { NewRow } from "../../store.ts";
import { mayLackSchema, migrate } from "./schema.ts";
import { statement } from "./statements.ts";

/** Connections seen before, by the file they are on. */
const known = new WeakMap<DatabaseSync, string>();

/**
 * Writes rows through a connection that has a transaction open: ours or the application's own. Where the file has no outbox yet, the
 * same transaction makes it.
 */
export function insertRows(tx: DatabaseSync, rows: readonly NewRow[], path: string): void {
  check(tx, path);
  try {
    write(tx, rows);
  } catch (error) {
    if (!mayLackSchema(error, tx)) throw error;
    migrate(tx, path);
    write(tx, rows);
  }
}

function write(tx: DatabaseSync, rows: readonly NewRow[]): void {
  for (const { bucket, topic, key = null, event, notBeforeMs } of rows) {
    if (notBeforeMs === undefined) {
      statement(tx, "INSERT INTO main.outbox (bucket, topic, key, event) VALUES (?, ?, ?, ?)").run(
        bucket,
        topic,
        key,
        event,
      );
    } else {
      statement(tx, "INSERT INTO main.outbox_scheduled (due_at, bucket, topic, key, event) VALUES (?, ?, ?, ?, ?)").run(
        notBeforeMs,
        bucket,
        topic,
        key,
        event,
      );
    }
  }
}

function check(tx: DatabaseSync, path: string): void {
  if (typeof tx?.prepare !== "function" || typeof tx.isOpen !== "boolean") {
    throw outboxErrors.WB_OUTBOX_HANDLE({ problem: "it is not a DatabaseSync of node:sqlite" });
  }
  if (!tx.isOpen) throw outboxErrors.WB_OUTBOX_HANDLE({ problem: "its connection is closed" });
  if (!tx.isTransaction) throw outboxErrors.WB_OUTBOX_NO_TRANSACTION({ handle: "an idle DatabaseSync" });
  let file = known.get(tx);
  if (file === undefined) {
    const location = tx.location();
    file = location === null ? ":memory:" : realpathSync(location);
    known.set(tx, file);
  }
  if (file !== path) {
    throw outboxErrors.WB_OUTBOX_HANDLE({ problem: `it is on the file ${JSON.stringify(file)}, not on the store's` });
  }
}
