import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { ClaimOptions, OutboxRow } from "../../store.ts";
import { isKeyHeld } from "./key-order.ts";
import { statement } from "./statements.ts";

/** Parked rows of one key that are read at once behind their head. */
const FOLLOWERS = 100;

/** Positions looked at in one go while topics rest, a few milliseconds. */
const STRETCH = 20_000;

/** Collects rows up to the limits of one claim. */
class Basket {
  readonly rows: OutboxRow[] = [];
  readonly #options: ClaimOptions;
  #bytes = 0;

  constructor(options: ClaimOptions) {
    this.#options = options;
  }

  get full(): boolean {
    return this.rows.length >= this.#options.max || this.#bytes >= this.#options.maxBytes;
  }

  /** False when nothing more goes in. */
  offer(
    row: Record<string, SQLOutputValue>,
    parked: boolean,
    behind: (topic: string, key: string) => boolean,
  ): boolean {
    const position = row.pos as number;
    const topic = row.topic as string;
    const key = (row.key as string | null) ?? undefined;
    const event = row.event as string;
    if (this.#options.skip.has(position) || this.#options.exceptTopics.has(topic)) return true;
    this.rows.push({
      position,
      bucket: row.bucket as number,
      topic,
      key,
      event,
      attempts: (row.attempts as number | undefined) ?? 0,
      parked,
      behind: key !== undefined && behind(topic, key),
    });
    this.#bytes += event.length;
    return !this.full;
  }
}

/**
 * Reads what may be published next, in one snapshot: the parked rows whose time has come, each with those behind it, then fresh
 * rows after `last`. Answers them with the new `last`; `goOn` when nothing was found yet and there is more to look at.
 */
export function claimRows(
  db: DatabaseSync,
  options: ClaimOptions,
  last: number,
  nowMs: number,
): { rows: readonly OutboxRow[]; last: number; goOn: boolean } {
  const basket = new Basket(options);
  statement(db, "BEGIN").run();
  try {
    if (!parkedRows(db, options, basket, nowMs)) return { rows: basket.rows, last, goOn: false };
    if (options.exceptTopics.size === 0) return { rows: basket.rows, last: freshRows(db, basket, last), goOn: false };
    const ends = statement(
      db,
      "SELECT (SELECT min(pos) FROM main.outbox) AS first, (SELECT max(pos) FROM main.outbox) AS last",
    ).get();
    const end = Number(ends?.last ?? 0);
    // Nothing lies between: a stretch of positions that are gone takes a turn as well.
    const passed = freshRowsExcept(db, options, basket, Math.max(last, Number(ends?.first ?? 1) - 1));
    return {
      rows: basket.rows,
      last: Math.min(passed, Math.max(end, last)),
      goOn: basket.rows.length === 0 && passed < end,
    };
  } finally {
    statement(db, "COMMIT").run();
  }
}

function parkedRows(db: DatabaseSync, options: ClaimOptions, basket: Basket, nowMs: number): boolean {
  const heads = statement(
    db,
    "SELECT pos, bucket, topic, key, event, attempts FROM main.outbox_retry WHERE next_at <= ? ORDER BY next_at, pos LIMIT ?",
  ).iterate(nowMs, options.max + options.skip.size);
  for (const head of heads) {
    if (options.skip.has(head.pos as number)) continue;
    if (!basket.offer(head, true, never)) return false;
    if (head.key === null) continue;
    const followers = statement(
      db,
      "SELECT pos, bucket, topic, key, event, attempts FROM main.outbox_retry WHERE topic = ? AND key = ? AND pos > ? ORDER BY pos LIMIT ?",
    ).iterate(head.topic!, head.key!, head.pos!, FOLLOWERS);
    for (const row of followers) if (!basket.offer(row, true, never)) return false;
  }
  return true;
}

const never = () => false;

function freshRows(db: DatabaseSync, basket: Basket, from: number): number {
  const select = statement(db, "SELECT pos, bucket, topic, key, event FROM main.outbox WHERE pos > ? ORDER BY pos");
  return fill(basket, select.iterate(from), heldKeys(db)) ?? from;
}

/** The same past the rows of resting topics, over one stretch of positions. */
function freshRowsExcept(db: DatabaseSync, options: ClaimOptions, basket: Basket, from: number): number {
  const select = statement(
    db,
    `SELECT pos, bucket, topic, key, event FROM main.outbox WHERE pos > ? AND pos <= ?
     AND topic NOT IN (SELECT value FROM json_each(?)) ORDER BY pos`,
  );
  const rows = select.iterate(from, from + STRETCH, JSON.stringify([...options.exceptTopics]));
  const last = fill(basket, rows, heldKeys(db));
  return basket.full ? last! : from + STRETCH;
}

/** Answers the last position looked at, if any. */
function fill(
  basket: Basket,
  rows: Iterable<Record<string, SQLOutputValue>>,
  held: (topic: string, key: string) => boolean,
): number | undefined {
  let last: number | undefined;
  for (const row of rows) {
    last = row.pos as number;
    if (!basket.offer(row, false, held)) break;
  }
  return last;
}

/** Which keys are held; without a query a row while none is, which is the usual state. */
function heldKeys(db: DatabaseSync): (topic: string, key: string) => boolean {
  const any = statement(
    db,
    "SELECT EXISTS (SELECT 1 FROM main.outbox_retry WHERE key IS NOT NULL) OR EXISTS (SELECT 1 FROM main.outbox_dead WHERE halts = 1) AS any",
  ).get();
  return any?.any === 1 ? (topic, key) => isKeyHeld(db, topic, key) : never;
}
