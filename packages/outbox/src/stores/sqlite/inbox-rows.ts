import { createHash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { InboxKey } from "@waybill/core";
import type { InboxRows } from "../../store.ts";
import { onFile } from "./sqlite-errors.ts";
import { statement } from "./statements.ts";
import type { Writer } from "./writer.ts";

const PRUNE_CHUNK = 1_000;

export function sqliteInboxRows(store: {
  path: string;
  writer: Writer;
  reader: () => Promise<DatabaseSync>;
}): InboxRows<DatabaseSync> {
  const isKnown = (reader: DatabaseSync, key: InboxKey) =>
    statement(reader, "SELECT 1 FROM inbox WHERE key = ?").get(digest(key)) !== undefined;
  const record = (tx: DatabaseSync, key: InboxKey, nowMs: number) =>
    statement(tx, "INSERT INTO main.inbox (key, seen_at) VALUES (?, ?) ON CONFLICT DO NOTHING").run(digest(key), nowMs)
      .changes === 1;

  return {
    asksFirst: true,

    async known(keys) {
      const reader = await store.reader();
      return onFile(store.path, () => keys.map((key) => isKnown(reader, key)));
    },

    add: (tx, key) => onFile(store.path, () => record(tx, key, Date.now())),

    addAll: (tx, keys) =>
      onFile(store.path, () => {
        const nowMs = Date.now();
        return keys.every((key) => record(tx, key, nowMs));
      }),

    async prune(olderThanMs) {
      const before = Date.now() - olderThanMs;
      let pruned = 0;
      for (;;) {
        const removed = await store.writer.run((db) =>
          statement(
            db,
            "DELETE FROM main.inbox WHERE key IN (SELECT key FROM main.inbox WHERE seen_at < ? ORDER BY seen_at LIMIT ?)",
          ).run(before, PRUNE_CHUNK),
        );
        pruned += Number(removed.changes);
        if (Number(removed.changes) < PRUNE_CHUNK) return pruned;
      }
    },
  };
}

/** 32 bytes for any four strings. JSON keeps them apart and escapes what UTF-8 could not tell apart: lone surrogates. */
function digest({ topic, subscription, source, id }: InboxKey): Uint8Array {
  return createHash("sha256")
    .update(JSON.stringify([topic, subscription, source, id]))
    .digest();
}
