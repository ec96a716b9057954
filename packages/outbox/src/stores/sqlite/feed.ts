import type { DatabaseSync } from "node:sqlite";
import { outboxErrors } from "../../outbox-errors.ts";
import { BUCKETS, type Feed, type FeedOptions, type Leases } from "../../store.ts";
import { claimRows } from "./claim.ts";
import { CommitWatch } from "./commit-watch.ts";
import { Lease } from "./lease.ts";
import { removePublished, settleFailure } from "./settle.ts";
import { fileError, onFile } from "./sqlite-errors.ts";
import { statement } from "./statements.ts";
import type { Writer } from "./writer.ts";

/** Rows of one transaction that removes: a few milliseconds of the only write lock. */
const CHUNK = 1_000;

/** How often the version is looked at when idle: it costs neither a lock nor a page. */
const POLL_MS = 50;

/** SQLite has one writer, so sharing the work would gain nothing: one relay has all of it, or none. */
const all = (epoch: number): Leases => new Map(Array.from({ length: BUCKETS }, (_, bucket) => [bucket, epoch]));
const NONE: Leases = new Map();

/** A relay's view of a SQLite file. `reader` is its own connection, closed by `release`. */
export function sqliteFeed(
  { path, writer, reader }: { path: string; writer: Writer; reader: DatabaseSync },
  options: FeedOptions,
  closed: () => void,
): Feed {
  const { clock, keepSentMs } = options;
  const lease = new Lease(options.owner, options.leaseMs, clock);
  const commits = new CommitWatch(reader, clock, options.pollMs ?? POLL_MS, () => nextDueMs(reader, claimedAtMs));
  const read = <T>(statements: () => T): T => onFile(path, statements);
  const stopListening = writer.onNews(() => commits.now());
  let last = 0;
  let claimedAtMs = 0;
  let released: Promise<void> | undefined;

  /** Scheduled rows whose time has come enter the outbox, at its end. */
  const admitScheduled = async () => {
    const nowMs = clock.now();
    const isDue = () =>
      statement(reader, "SELECT 1 FROM main.outbox_scheduled WHERE due_at <= ? LIMIT 1").get(nowMs) !== undefined;
    while (read(isDue)) {
      await writer.run((db) => {
        if (!lease.isOurs(db)) throw outboxErrors.WB_RELAY_LEASE_LOST({ owner: options.owner });
        const due = statement(
          db,
          "SELECT pos FROM main.outbox_scheduled WHERE due_at <= ? ORDER BY due_at, pos LIMIT ?",
        ).all(nowMs, CHUNK);
        for (const { pos } of due) {
          statement(
            db,
            `INSERT INTO main.outbox (bucket, topic, key, event)
             SELECT bucket, topic, key, event FROM main.outbox_scheduled WHERE pos = ?`,
          ).run(pos!);
          statement(db, "DELETE FROM main.outbox_scheduled WHERE pos = ?").run(pos!);
        }
      });
    }
  };

  return {
    async lease() {
      // Who stands by only reads, and takes the write lock from nobody.
      if (!read(() => lease.isFree(reader))) return NONE;
      const epoch = await writer.run((db) => lease.take(db), { urgent: true });
      return epoch === undefined ? NONE : all(epoch);
    },

    async claim(wanted) {
      read(() => commits.noteVersion());
      await admitScheduled();
      claimedAtMs = clock.now();
      for (;;) {
        const claimed = read(() => claimRows(reader, wanted, last, claimedAtMs));
        last = claimed.last;
        if (claimed.rows.length > 0) commits.heat();
        if (!claimed.goOn) return claimed.rows;
        // Many rows of resting topics were passed over: others get their turn before the next stretch.
        await new Promise((resolve) => setImmediate(resolve));
      }
    },

    rewind() {
      last = 0;
    },

    async mark(rows) {
      for (let from = 0; from < rows.length; from += CHUNK) {
        const chunk = rows.slice(from, from + CHUNK);
        await writer.run((db) => removePublished(db, chunk, keepSentMs > 0, clock.now()));
      }
    },

    async settle(failures) {
      await writer.run((db) => {
        if (!lease.isOurs(db)) throw outboxErrors.WB_RELAY_LEASE_LOST({ owner: options.owner });
        for (const failure of failures) settleFailure(db, failure, clock.now());
      });
      commits.now();
    },

    wait: (signal) =>
      commits.wait(signal).catch((error) => {
        throw fileError(error, path);
      }),

    async tidy() {
      if (keepSentMs <= 0) return;
      const before = clock.now() - keepSentMs;
      let removed = CHUNK;
      while (removed === CHUNK && released === undefined) {
        const result = await writer.run((db) =>
          statement(
            db,
            "DELETE FROM main.outbox_sent WHERE pos IN (SELECT pos FROM main.outbox_sent WHERE sent_at < ? LIMIT ?)",
          ).run(before, CHUNK),
        );
        removed = Number(result.changes);
      }
    },

    release(handOver) {
      released ??= (async () => {
        stopListening();
        try {
          // A file that is gone or locked keeps nobody from stopping: the lease runs out by itself.
          if (handOver) await writer.run((db) => lease.giveBack(db), { urgent: true }).catch(options.onTrouble);
        } finally {
          if (reader.isOpen) reader.close();
          closed();
        }
      })();
      return released;
    },
  };
}

/** When the next parked or scheduled row is due that was not yet at the last claim, or `undefined`. */
function nextDueMs(db: DatabaseSync, claimedAtMs: number): number | undefined {
  const row = statement(
    db,
    `SELECT min(at) AS at FROM (
       SELECT min(next_at) AS at FROM main.outbox_retry WHERE next_at > ?1
       UNION ALL SELECT min(due_at) FROM main.outbox_scheduled WHERE due_at > ?1)`,
  ).get(claimedAtMs);
  return (row?.at as number | null) ?? undefined;
}
