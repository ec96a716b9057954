import type { ClientBase } from "pg";
import type { Connections } from "./connections.ts";
import { postgresErrors } from "./postgres-errors.ts";
import type { Tables } from "./tables.ts";

/** Makes the publication, once: whoever owns the table. Throws WB_POSTGRES_PUBLICATION where it is there and does not publish the table. */
export async function ensurePublication(connections: Connections, t: Tables): Promise<void> {
  await connections.run(async (client) => {
    const publishes = await publishesOutbox(client, t);
    if (publishes === false) throw notPublished(connections, t);
    if (publishes === true) return;
    try {
      await client.query(
        `CREATE PUBLICATION "${t.publication.replaceAll('"', '""')}" FOR TABLE ${t.outbox} WITH (publish = 'insert')`,
      );
    } catch (error) {
      // Another relay was quicker.
      if ((error as { code?: string }).code !== "42710") throw error;
    }
  });
}

/** Throws WB_POSTGRES_PUBLICATION where the publication does not publish the table, or is gone. */
export async function checkPublication(connections: Connections, t: Tables): Promise<void> {
  if (!(await connections.run((client) => publishesOutbox(client, t)))) throw notPublished(connections, t);
}

/** `undefined` where there is no publication. */
export async function publishesOutbox(client: ClientBase, t: Tables): Promise<boolean | undefined> {
  const { rows } = await client.query<{ publishes: boolean }>(
    // Row filters came with PostgreSQL 15; before, the view has no such column.
    `SELECT p.pubinsert AND EXISTS (SELECT 1 FROM pg_publication_tables o
       WHERE o.pubname = p.pubname AND to_regclass(format('%I.%I', o.schemaname, o.tablename)) = to_regclass($2)
         AND to_jsonb(o) ->> 'rowfilter' IS NULL) AS publishes
     FROM pg_publication p WHERE p.pubname = $1`,
    [t.publication, t.outbox],
  );
  return rows[0]?.publishes;
}

export function notPublished({ store }: Pick<Connections, "store">, { publication }: Tables) {
  return postgresErrors.WB_POSTGRES_PUBLICATION({ store, publication });
}
