import { existsSync } from "node:fs";
import { type Clock, systemClock } from "@waybill/core/spi";
import { outboxErrors } from "../../outbox-errors.ts";
import type { Migrations } from "../../store.ts";
import { connect } from "./connection.ts";
import { migrationScript, SCHEMA_VERSION, schemaVersion } from "./schema.ts";
import { onFile } from "./sqlite-errors.ts";

/** `open` brings the schema up to date, as every use of the store does. */
export function sqliteMigrations(
  path: string,
  open: () => Promise<void>,
  busyTimeoutMs: number,
  clock: Clock = systemClock,
): Migrations {
  const applied = async () => {
    if (!existsSync(path)) return 0;
    const db = await connect(path, busyTimeoutMs, clock);
    try {
      return onFile(path, () => schemaVersion(db));
    } finally {
      db.close();
    }
  };
  return {
    async status() {
      const found = await applied();
      if (found > SCHEMA_VERSION) throw outboxErrors.WB_STORE_SCHEMA_NEWER({ path, found, known: SCHEMA_VERSION });
      return { applied: found, wanted: SCHEMA_VERSION };
    },
    async apply() {
      const before = await applied();
      await open();
      return Array.from({ length: Math.max(0, SCHEMA_VERSION - before) }, (_, i) => before + i + 1);
    },
    sql: (from = 0) => migrationScript(from),
  };
}
