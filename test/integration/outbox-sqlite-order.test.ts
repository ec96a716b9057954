import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { sqlite } from "@waybill/outbox/sqlite";
import { expect, test } from "vitest";
import { adversary } from "../chaos/adversary.ts";

test.each([1, 4])(
  "outbox on SQLite under adversarial writers, %i relays: nothing lost, nothing swapped, nobody waits for an idle reader",
  async (relays) => {
    const folder = await mkdtemp(join(tmpdir(), "waybill-order-"));
    const path = join(folder, "store.db");
    const db = new DatabaseSync(path);
    db.exec(
      "PRAGMA journal_mode = WAL; CREATE TABLE aggregate (key TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT",
    );
    db.close();
    try {
      const report = await adversary<DatabaseSync>({
        place: {
          open: () => sqlite({ path }),
          bump: async (tx, key) =>
            tx
              .prepare(
                "INSERT INTO aggregate VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET version = version + 1 RETURNING version",
              )
              .get(key)!.version as number,
          // It has one writer by nature: only a reader can stand idle beside the others.
          async holdIdle() {
            const reader = new DatabaseSync(path);
            reader.exec("BEGIN");
            reader.prepare("SELECT count(*) FROM aggregate").get();
            return async () => reader.close();
          },
        },
        transactions: 400,
        writers: 16,
        relays,
        keys: 20,
        seed: relays,
        holdIdle: true,
        maxPublishMs: relays === 1 ? 0 : 4,
      });
      expect(report).toMatchObject({ lost: 0, inverted: 0, neverCommitted: 0, duplicates: 0 });
      expect(report.rolledBack).toBeGreaterThan(5);
      expect(report.passedIdle).toBeGreaterThan(100);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
