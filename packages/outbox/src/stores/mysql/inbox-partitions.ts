import { idBound } from "../../inbox/inbox-id.ts";
import type { Rows, Session, Statements } from "./session.ts";

const DAY_MS = 86_400_000;
/** Days that have a partition before they begin, so that one missed round does no harm. */
const AHEAD = 7;
/** Rows looked at by one statement that deletes. */
const STRETCH = 10_000;
/** An open transaction on the table holds up a change of its partitions, and then that holds up all others. */
const LOCK_WAIT_S = 2;

interface Partition {
  readonly name: string;
  /** Ids in it lie below this time; `undefined` for the one without ids of their own time, and the last. */
  readonly endMs: number | undefined;
}

/**
 * Forgets what was recorded before `beforeMs`. Ids with a time lie in one partition a day, which is dropped whole once nothing younger was
 * recorded in it: they may be kept for a day longer. All other ids are deleted row by row. Answers how many.
 */
export async function pruneInbox(session: Session, nowMs: number, beforeMs: number): Promise<number> {
  let pruned = await pruneForeign(session, beforeMs);
  for (const { name, endMs } of await partitions(session)) {
    if (endMs === undefined || endMs > beforeMs) continue;
    const found = await contents(session, name);
    if (found.youngestMs < beforeMs) pruned += await drop(session, name, beforeMs);
  }
  await addDays(session, nowMs);
  return pruned;
}

/** Drops the partition unless something younger is in it. Answers how many entries it had. */
function drop(session: Session, name: string, beforeMs: number): Promise<number> {
  return session.together(async (locked) => {
    await waitShortly(locked);
    // This waits for handlers that are at work, which may have recorded an old event that came again: it counts only what is there then.
    await locked.query("LOCK TABLES inbox WRITE");
    try {
      const { entries, youngestMs } = await contents(locked, name);
      if (youngestMs >= beforeMs) return 0;
      await locked.query(`ALTER TABLE inbox DROP PARTITION ${name}`);
      return entries;
    } finally {
      await locked.query("UNLOCK TABLES");
    }
  });
}

async function contents(statements: Statements, name: string): Promise<{ entries: number; youngestMs: number }> {
  const [found] = await statements.query<Rows<{ entries: number; youngest: number | null }>>(
    `SELECT count(*) AS entries, max(seen_at) AS youngest FROM inbox PARTITION (${name})`,
  );
  return { entries: found!.entries, youngestMs: found!.youngest ?? 0 };
}

/** In order of their keys, and each row once, whatever the number that stays. */
async function pruneForeign(session: Session, beforeMs: number): Promise<number> {
  let pruned = 0;
  let from: Buffer = Buffer.alloc(26);
  for (;;) {
    const [end] = await session.query<Rows<{ id: Buffer }>>(
      "SELECT id FROM inbox PARTITION (foreign_ids) WHERE id >= ? ORDER BY id LIMIT 1 OFFSET ?",
      [from, STRETCH],
    );
    const upTo = end?.id ?? Buffer.alloc(26, 0xff);
    const result = await session.query(
      "DELETE FROM inbox PARTITION (foreign_ids) WHERE id >= ? AND id < ? AND seen_at < ?",
      [from, upTo, beforeMs],
    );
    pruned += result.affectedRows;
    if (end === undefined) return pruned;
    from = end.id;
  }
}

/** Partitions for the days to come, out of the last one, which is empty as long as this runs now and then. */
async function addDays(session: Session, nowMs: number): Promise<void> {
  const known = (await partitions(session)).flatMap(({ endMs }) => (endMs === undefined ? [] : [endMs]));
  const today = Math.floor(nowMs / DAY_MS) * DAY_MS;
  const first = Math.max(today, ...known) + DAY_MS;
  const wanted = today + (AHEAD + 1) * DAY_MS;
  const days: string[] = [];
  for (let end = first; end <= wanted; end += DAY_MS) {
    days.push(
      `PARTITION before_${new Date(end).toISOString().slice(0, 10).replaceAll("-", "")} VALUES LESS THAN (${idBound(end)})`,
    );
  }
  if (days.length === 0) return;
  days.push("PARTITION later VALUES LESS THAN (MAXVALUE)");
  await waitShortly(session);
  await session.query(`ALTER TABLE inbox REORGANIZE PARTITION later INTO (${days.join(", ")})`);
}

async function partitions(session: Session): Promise<readonly Partition[]> {
  const rows = await session.query<Rows<{ name: string; bound: string }>>(
    `SELECT partition_name AS name, partition_description AS bound FROM information_schema.partitions
     WHERE table_schema = DATABASE() AND table_name = 'inbox' AND partition_name LIKE 'before\\_%' ORDER BY partition_ordinal_position`,
  );
  return rows.map(({ name }) => ({
    name,
    endMs: Date.parse(name.replace(/^before_(\d{4})(\d\d)(\d\d)$/, "$1-$2-$3")),
  }));
}

async function waitShortly(statements: Statements): Promise<void> {
  await statements.query("SET SESSION lock_wait_timeout = ?", [LOCK_WAIT_S]);
}
