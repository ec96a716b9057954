import type { Failure, PublishedRow } from "../../store.ts";
import { KEY_HASH, keyHash } from "./key-hash.ts";
import { lockKeyOrder, restoreKeyOrder } from "./key-order.ts";
import { NOW_MS } from "./now.ts";
import type { Session, Statements } from "./session.ts";

/** Rows of one statement: a few milliseconds of their locks. */
const CHUNK = 2_000;

/** Removes published rows; keeps a copy of each where `keep` asks for it. */
export async function removePublished(session: Session, rows: readonly PublishedRow[], keep: boolean): Promise<void> {
  const fresh = rows.filter((row) => !row.parked).map((row) => row.position);
  for (let from = 0; from < fresh.length; from += CHUNK) {
    const positions = fresh.slice(from, from + CHUNK);
    if (!keep) await removeFresh(session, positions);
    else await session.transaction((tx) => moveToSent(tx, "outbox", positions, removeFresh));
  }
  const parked = rows.filter((row) => row.parked);
  for (let from = 0; from < parked.length; from += CHUNK) {
    const chunk = parked.slice(from, from + CHUNK);
    const positions = chunk.map((row) => row.position);
    await session.transaction(async (tx) => {
      await lockKeyOrder(tx);
      if (keep) await moveToSent(tx, "outbox_retry", positions, removeParked);
      else await removeParked(tx, positions);
      await restoreKeyOrder(tx, keysOf(chunk));
    });
  }
}

/**
 * Each row by its key, in this order of the join: for many positions at once `IN (…)` becomes a pass over the whole table, which waits for
 * the rows that others are writing.
 */
function removeFresh(tx: Statements, positions: readonly number[]): Promise<unknown> {
  return tx.query(
    `DELETE o FROM JSON_TABLE(?, '$[*]' COLUMNS (pos BIGINT UNSIGNED PATH '$')) p STRAIGHT_JOIN outbox o FORCE INDEX (PRIMARY) ON o.pos = p.pos`,
    [JSON.stringify(positions)],
  );
}

function removeParked(tx: Statements, positions: readonly number[]): Promise<unknown> {
  return tx.query("DELETE FROM outbox_retry WHERE pos IN (?)", [positions]);
}

async function moveToSent(
  tx: Statements,
  from: string,
  positions: readonly number[],
  remove: typeof removeFresh,
): Promise<void> {
  await tx.query(
    `INSERT IGNORE INTO outbox_sent (pos, topic, msg_key, event, sent_at)
     SELECT pos, topic, msg_key, event, ${NOW_MS} FROM ${from} WHERE pos IN (?)`,
    [positions],
  );
  await remove(tx, positions);
}

/** Moves rows that were not published to where they wait. A row that is gone was published by another relay, and stays gone. */
export async function settleFailures(tx: Statements, failures: readonly Failure[]): Promise<void> {
  const behind = failures.filter((one) => one.kind === "behind" && !one.row.parked).map((one) => one.row.position);
  for (let from = 0; from < behind.length; from += CHUNK) {
    await park(tx, behind.slice(from, from + CHUNK), 0, "NULL", null);
  }
  for (const failure of failures) {
    const { row } = failure;
    if (failure.kind === "dead") await bury(tx, failure);
    else if (failure.kind === "retry" && row.parked) {
      await tx.query(`UPDATE outbox_retry SET attempts = ?, next_at = ${NOW_MS} + ?, last_error = ? WHERE pos = ?`, [
        failure.attempts,
        Math.round(failure.delayMs),
        failure.error,
        row.position,
      ]);
    } else if (failure.kind === "retry") {
      await park(tx, [row.position], failure.attempts, `${NOW_MS} + ${Math.round(failure.delayMs)}`, failure.error);
    }
  }
  await restoreKeyOrder(tx, keysOf(failures.map(({ row }) => row)));
}

async function park(
  tx: Statements,
  positions: readonly number[],
  attempts: number,
  nextAt: string,
  error: string | null,
): Promise<void> {
  await tx.query(
    `INSERT IGNORE INTO outbox_retry (pos, bucket, topic, msg_key, key_hash, event, attempts, next_at, last_error)
     SELECT pos, bucket, topic, msg_key, ${KEY_HASH}, event, ?, ${nextAt}, ? FROM outbox FORCE INDEX (PRIMARY) WHERE pos IN (?)`,
    [attempts, error, positions],
  );
  await removeFresh(tx, positions);
}

async function bury(tx: Statements, failure: Failure & { readonly kind: "dead" }): Promise<void> {
  const { row } = failure;
  const from = row.parked ? "outbox_retry" : "outbox FORCE INDEX (PRIMARY)";
  await tx.query(
    `REPLACE INTO outbox_dead (pos, bucket, topic, msg_key, key_hash, event, attempts, reason, error, dead_at, halts)
     SELECT pos, bucket, topic, msg_key, ${KEY_HASH}, event, ?, ?, ?, ${NOW_MS}, ? FROM ${from} WHERE pos = ?`,
    [failure.attempts, failure.reason, failure.error, failure.haltsKey && row.key !== undefined ? 1 : 0, row.position],
  );
  await (row.parked ? removeParked : removeFresh)(tx, [row.position]);
}

/** The keys of rows, each once. */
function keysOf(rows: readonly Pick<PublishedRow, "topic" | "key">[]): readonly Buffer[] {
  const keys = new Map<string, Buffer>();
  for (const { topic, key } of rows) {
    if (key === undefined) continue;
    const hash = keyHash(topic, key);
    keys.set(hash.toString("hex"), hash);
  }
  return [...keys.values()];
}
