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
      remove: () => rm(folder, { recursive: true }),
    };
  },
});
