import { outboxErrors } from "../outbox-errors.ts";

/** Throws WB_STORE_SCHEMA_FROM unless `from` is a version of the schema, or 0 for none. */
export function checkFrom(from: number, newest: number): void {
  if (!Number.isInteger(from) || from < 0 || from > newest) throw outboxErrors.WB_STORE_SCHEMA_FROM({ from, newest });
}
