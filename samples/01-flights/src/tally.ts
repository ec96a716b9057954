import type { DatabaseSync } from "node:sqlite";
import type { Observer } from "@waybill/core";
import type { Store } from "@waybill/outbox";

/** What consumers have told, all processes and starts together. */
export interface Tallies {
  readonly duplicates: number;
  readonly retried: number;
  readonly deadLettered: number;
}

export interface Tally {
  readonly observer: Observer;
  /** Writes what is not written yet. */
  close(): Promise<void>;
}

const WRITE_EVERY_MS = 200;

export function createTallies(db: DatabaseSync): void {
  db.exec("CREATE TABLE IF NOT EXISTS tallies (what TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT, WITHOUT ROWID;");
}

/** Counts what the bus tells and adds it to the consumer's database now and then: a killed process loses at most the last moment of it. */
export function openTally(store: Store<DatabaseSync>): Tally {
  const fresh = new Map<string, number>();
  const count = (what: keyof Tallies) => () => void fresh.set(what, (fresh.get(what) ?? 0) + 1);
  let writing = Promise.resolve();

  const write = () => {
    writing = writing.then(async () => {
      if (fresh.size === 0) return;
      const counts = [...fresh];
      fresh.clear();
      await store.transaction((tx) => addTallies(tx, counts));
    });
    return writing;
  };
  const timer = setInterval(() => void write(), WRITE_EVERY_MS);

  return {
    observer: {
      duplicate: count("duplicates"),
      retrying: count("retried"),
      deadLettered: count("deadLettered"),
    },
    close: async () => {
      clearInterval(timer);
      await write();
    },
  };
}

function addTallies(db: DatabaseSync, counts: readonly (readonly [string, number])[]): void {
  const add = db.prepare(
    "INSERT INTO tallies VALUES (?, ?) ON CONFLICT (what) DO UPDATE SET count = count + excluded.count",
  );
  for (const [what, more] of counts) add.run(what, more);
}

export function readTallies(db: DatabaseSync): Tallies {
  const rows = db.prepare("SELECT what, count FROM tallies").all();
  return {
    duplicates: 0,
    deadLettered: 0,
    retried: 0,
    ...Object.fromEntries(rows.map((row) => [row.what, row.count])),
  };
}
