import { NOW_MS } from "./now.ts";
import type { Rows, Statements, Value } from "./session.ts";

/**
 * Nobody else adds or removes parked or dead rows until this transaction ends: two that changed one key at once would each miss what the
 * other does. Call it first.
 */
export async function lockKeyOrder(
  tx: Statements,
): Promise<{ readonly owner: string; readonly epoch: number } | undefined> {
  const [row] = await tx.query<Rows<{ owner: string; epoch: number }>>(
    "SELECT owner, epoch FROM outbox_lease WHERE bucket = 0 FOR UPDATE",
  );
  return row;
}

/**
 * Restores what holds between transactions: of a key's parked rows only the oldest has a time for the next try, and not even that one
 * while a dead row halts the key. Call it at the end of each transaction that adds or removes parked or dead rows.
 */
export async function restoreKeyOrder(tx: Statements, keys: readonly Buffer[]): Promise<void> {
  if (keys.length === 0) return;
  const heads = await tx.query<Rows<{ key_hash: Buffer; pos: number }>>(
    "SELECT key_hash, min(pos) AS pos FROM outbox_retry WHERE key_hash IN (?) GROUP BY key_hash",
    [keys],
  );
  if (heads.length === 0) return;
  const halted = await tx.query<Rows<{ key_hash: Buffer }>>(
    "SELECT DISTINCT key_hash FROM outbox_dead WHERE halts = 1 AND key_hash IN (?)",
    [keys],
  );
  const stopped = new Set(halted.map((row) => row.key_hash.toString("hex")));
  const free: Value[] = heads.filter((row) => !stopped.has(row.key_hash.toString("hex"))).map((row) => row.pos);
  await tx.query(
    `UPDATE outbox_retry SET next_at = NULL WHERE key_hash IN (?) AND next_at IS NOT NULL${free.length > 0 ? " AND pos NOT IN (?)" : ""}`,
    free.length > 0 ? [keys, free] : [keys],
  );
  if (free.length > 0) {
    await tx.query(`UPDATE outbox_retry SET next_at = ${NOW_MS} WHERE pos IN (?) AND next_at IS NULL`, [free]);
  }
}
