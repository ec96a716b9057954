import type { SqlHandle } from "../handles/sql-handle.ts";
import { outboxErrors } from "../outbox-errors.ts";

/** Runs a statement of which the inbox must know how many rows it changed: an event taken for a duplicate by mistake would be lost. */
export async function changedRows(handle: SqlHandle, ...statement: Parameters<SqlHandle["execute"]>): Promise<number> {
  const changed = await handle.execute(...statement);
  if (typeof changed === "number") return changed;
  throw outboxErrors.WB_OUTBOX_HANDLE({
    problem:
      "it does not tell how many rows a statement has changed; let postProcessResponse of Knex hand on the answers of raw queries",
  });
}
