import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runStoreConformance } from "../../conformance/index.ts";
import { sqlite } from "./index.ts";

runStoreConformance({
  name: "sqlite",
  async place() {
    const folder = await mkdtemp(join(tmpdir(), "waybill-sqlite-"));
    return {
      open: () => sqlite({ path: join(folder, "store.db") }),
      query: async (tx, sql, values = []) => tx.prepare(sql).all(...values),
      keepSlowRows: (store) =>
        store.transaction((db) =>
          db.exec(
            `CREATE TRIGGER slow AFTER DELETE ON outbox_sent BEGIN
               SELECT count(*) FROM (WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 500) SELECT x FROM c);
             END;
             WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 50000)
             INSERT INTO outbox_sent (pos, topic, event, sent_at) SELECT x, 'notes', '{}', 0 FROM c`,
          ),
        ),
      remove: () => rm(folder, { recursive: true }),
    };
  },
});
