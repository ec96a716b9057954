import type { DatabaseSync } from "node:sqlite";
import { outboxErrors } from "../../outbox-errors.ts";
import { checkFrom } from "../check-from.ts";
import { isSqliteError, SQLITE_ERROR } from "./sqlite-errors.ts";

/**
 * The numbered migrations; position 0 leads to version 1. Never change one that has been released: add the next.
 *
 * Rows of `outbox` are only inserted and deleted. `AUTOINCREMENT` matters: without it positions start again at 1 once the table is
 * empty, and a relay that reads `pos > last` would see nothing ever after. They begin at a number made of the time, so that those of a table
 * that was dropped do not come again either. SQLite has one writer, so `pos` order is commit order.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE main.outbox (
     pos INTEGER PRIMARY KEY AUTOINCREMENT, bucket INTEGER NOT NULL, topic TEXT NOT NULL, key TEXT, event TEXT NOT NULL
   ) STRICT;
   INSERT INTO main.sqlite_sequence (name, seq) VALUES ('outbox', CAST(unixepoch('subsec') * 10000 AS INTEGER));
   CREATE TABLE main.outbox_scheduled (
     pos INTEGER PRIMARY KEY AUTOINCREMENT, due_at INTEGER NOT NULL,
     bucket INTEGER NOT NULL, topic TEXT NOT NULL, key TEXT, event TEXT NOT NULL
   ) STRICT;
   CREATE INDEX main.outbox_scheduled_due ON outbox_scheduled (due_at, pos);
   CREATE TABLE main.outbox_retry (
     pos INTEGER PRIMARY KEY, bucket INTEGER NOT NULL, topic TEXT NOT NULL, key TEXT, event TEXT NOT NULL,
     attempts INTEGER NOT NULL, next_at INTEGER, last_error TEXT
   ) STRICT;
   CREATE INDEX main.outbox_retry_due ON outbox_retry (next_at, pos) WHERE next_at IS NOT NULL;
   CREATE INDEX main.outbox_retry_key ON outbox_retry (topic, key, pos) WHERE key IS NOT NULL;
   CREATE TABLE main.outbox_dead (
     pos INTEGER PRIMARY KEY, bucket INTEGER NOT NULL, topic TEXT NOT NULL, key TEXT, event TEXT NOT NULL,
     attempts INTEGER NOT NULL, reason TEXT NOT NULL, error TEXT NOT NULL, dead_at INTEGER NOT NULL, halts INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX main.outbox_dead_halts ON outbox_dead (topic, key) WHERE halts = 1;
   CREATE TABLE main.outbox_sent (
     pos INTEGER PRIMARY KEY, topic TEXT NOT NULL, key TEXT, event TEXT NOT NULL, sent_at INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX main.outbox_sent_at ON outbox_sent (sent_at);
   CREATE TABLE main.outbox_lease (
     bucket INTEGER PRIMARY KEY, owner TEXT NOT NULL, epoch INTEGER NOT NULL, lease_ms INTEGER NOT NULL, until INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE main.inbox (key BLOB PRIMARY KEY, seen_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX main.inbox_seen ON inbox (seen_at);`,
];

export const SCHEMA_VERSION: number = MIGRATIONS.length;

const VERSION_TABLE = "CREATE TABLE main.waybill_schema (version INTEGER PRIMARY KEY, at TEXT NOT NULL) STRICT";

const OUR_TABLES = [
  "outbox",
  "outbox_scheduled",
  "outbox_retry",
  "outbox_dead",
  "outbox_sent",
  "outbox_lease",
  "inbox",
];

/** 0 where nothing of ours is there yet. The version stands in a table: `user_version` belongs to the application. */
export function schemaVersion(db: DatabaseSync): number {
  if (!tableExists(db, "waybill_schema")) return 0;
  return Number(db.prepare("SELECT max(version) AS version FROM main.waybill_schema").get()?.version ?? 0);
}

/** The statements of the migrations after version `from`, as a script. */
export function migrationScript(from: number): string {
  checkFrom(from, SCHEMA_VERSION);
  const steps = MIGRATIONS.slice(from).map((sql, i) => {
    const version = from + i + 1;
    return `-- version ${version}\n${sql}\nINSERT INTO main.waybill_schema VALUES (${version}, datetime('now'));`;
  });
  return ["BEGIN IMMEDIATE;", ...(from === 0 ? [`${VERSION_TABLE};`] : []), ...steps, "COMMIT;", ""].join("\n");
}

/** Brings the schema up to date. Must run inside a write transaction, which the caller ends. */
export function migrate(db: DatabaseSync, path: string): void {
  const found = schemaVersion(db);
  if (found > SCHEMA_VERSION) throw outboxErrors.WB_STORE_SCHEMA_NEWER({ path, found, known: SCHEMA_VERSION });
  if (found === SCHEMA_VERSION) return;
  if (found === 0) {
    const taken = OUR_TABLES.find((table) => tableExists(db, table));
    if (taken !== undefined) throw outboxErrors.WB_STORE_TABLE_TAKEN({ path, table: taken });
    db.exec(VERSION_TABLE);
  }
  for (let version = found + 1; version <= SCHEMA_VERSION; version++) {
    db.exec(MIGRATIONS[version - 1]!);
    db.prepare("INSERT INTO main.waybill_schema VALUES (?, ?)").run(version, new Date().toISOString());
  }
}

/** True when `error` may come from a schema that is not there yet: SQLite has no code of its own for a missing table. */
export function mayLackSchema(error: unknown, db: DatabaseSync): boolean {
  return isSqliteError(error, SQLITE_ERROR) && schemaVersion(db) < SCHEMA_VERSION;
}

function tableExists(db: DatabaseSync, name: string): boolean {
  return db.prepare("SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?").get(name) !== undefined;
}
