import type { ClientBase } from "pg";
import { postgresErrors } from "./postgres-errors.ts";
import type { Tables } from "./tables.ts";

/** Rejects where the sequence hands positions out in blocks: then a later commit of a key could have the lower one. */
export async function checkSequence(client: ClientBase, t: Tables, store: string): Promise<void> {
  const { rows } = await client.query(
    "SELECT seqcache::int AS cache FROM pg_sequence WHERE seqrelid = to_regclass($1)",
    [t.sequence],
  );
  const cache = rows[0]?.cache as number | undefined;
  if (cache !== undefined && cache > 1) throw postgresErrors.WB_POSTGRES_SEQUENCE_CACHE({ store, cache });
}

/**
 * After a dump was restored into a new cluster, rows carry transaction ids that are still to come there, and would look as if they came
 * late again and again. They get the id of now.
 */
export async function restamp(client: ClientBase, t: Tables): Promise<void> {
  await client.query("BEGIN");
  try {
    // By the index, which tells at once that there are none.
    await client.query("SET LOCAL enable_seqscan = off");
    await client.query(
      `UPDATE ${t.outbox} SET xid = pg_current_xact_id() WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())`,
    );
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}
