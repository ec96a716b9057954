import type { DatabaseSync, StatementSync } from "node:sqlite";

const cache = new WeakMap<DatabaseSync, Map<string, StatementSync>>();

/** A prepared statement of this connection, made once: preparing costs more than most of our statements take to run. */
export function statement(db: DatabaseSync, sql: string): StatementSync {
  let known = cache.get(db);
  if (known === undefined) {
    known = new Map();
    cache.set(db, known);
  }
  let prepared = known.get(sql);
  if (prepared === undefined) {
    prepared = db.prepare(sql);
    known.set(sql, prepared);
  }
  return prepared;
}
