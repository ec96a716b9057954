import type { DatabaseSync } from "node:sqlite";
import { statement } from "./statements.ts";

/**
 * Restores, for one key, what holds between transactions: of its parked rows only the oldest has a time for the next try, and not
 * even that one while a dead row halts the key. Run inside every transaction that adds or removes parked or dead rows of the key.
 */
export function restoreKeyOrder(db: DatabaseSync, topic: string, key: string | null, nowMs: number): void {
  if (key === null) return;
  const head = statement(
    db,
    "SELECT pos, next_at FROM main.outbox_retry WHERE topic = ? AND key = ? ORDER BY pos LIMIT 1",
  ).get(topic, key);
  if (head === undefined) return;
  const halted = isHalted(db, topic, key);
  const exempt = halted ? -1 : Number(head.pos);
  statement(
    db,
    "UPDATE main.outbox_retry SET next_at = NULL WHERE topic = ? AND key = ? AND pos <> ? AND next_at IS NOT NULL",
  ).run(topic, key, exempt);
  if (!halted && head.next_at === null) {
    statement(db, "UPDATE main.outbox_retry SET next_at = ? WHERE pos = ?").run(nowMs, exempt);
  }
}

/** True while an earlier event of the key waits among the parked ones, or halts it among the dead. */
export function isKeyHeld(db: DatabaseSync, topic: string, key: string): boolean {
  return (
    statement(db, "SELECT 1 FROM main.outbox_retry WHERE topic = ? AND key = ? LIMIT 1").get(topic, key) !==
      undefined || isHalted(db, topic, key)
  );
}

function isHalted(db: DatabaseSync, topic: string, key: string): boolean {
  return (
    statement(db, "SELECT 1 FROM main.outbox_dead WHERE topic = ? AND key = ? AND halts = 1 LIMIT 1").get(
      topic,
      key,
    ) !== undefined
  );
}
