import type { ClientBase } from "pg";
import type { Migrations } from "../../store.ts";
import { checkFrom } from "../check-from.ts";
import type { Connections } from "./connections.ts";
import { postgresErrors } from "./postgres-errors.ts";
import { foundation, migration, SCHEMA_VERSION, versionTable } from "./schema.ts";
import type { Tables } from "./tables.ts";

/** Migrations of any store on this server wait for each other. The number is arbitrary and must not change. */
const LOCK = 7_294_618_305;

export function postgresMigrations(connections: Connections, tables: Tables): Migrations {
  const { store } = connections;

  const applied = () =>
    connections.run(async (client) => {
      const known = await client.query("SELECT to_regclass($1) IS NOT NULL AS known", [tables.version]);
      if (known.rows[0].known !== true) return 0;
      const version = await client.query(`SELECT max(version) AS version FROM ${tables.version}`);
      return (version.rows[0].version as number | null) ?? 0;
    });

  /** CREATE SCHEMA asks for a right on the database even where the schema is there: an administrator may have made it for us. */
  const hasSchema = async (client: ClientBase) => {
    const { rows } = await client.query("SELECT to_regnamespace($1) IS NOT NULL AS known", [tables.schema]);
    return rows[0].known === true;
  };

  const check = (found: number) => {
    if (found > SCHEMA_VERSION) {
      throw postgresErrors.WB_POSTGRES_SCHEMA_NEWER({ store, found, known: SCHEMA_VERSION });
    }
    return found;
  };

  return {
    async status() {
      return { applied: check(await applied()), wanted: SCHEMA_VERSION };
    },

    async apply() {
      // Read first: who has nothing to do needs no right to create tables.
      if (check(await applied()) === SCHEMA_VERSION) return [];
      return connections.run(async (client) => {
        const done: number[] = [];
        for (;;) {
          // Whoever has waited for the lock must see what was done meanwhile.
          await client.query("BEGIN ISOLATION LEVEL READ COMMITTED");
          try {
            await client.query("SELECT pg_advisory_xact_lock($1)", [LOCK]);
            await client.query((await hasSchema(client)) ? versionTable(tables) : foundation(tables));
            const { rows } = await client.query(`SELECT coalesce(max(version), 0) AS version FROM ${tables.version}`);
            const next = check(rows[0].version as number) + 1;
            if (next <= SCHEMA_VERSION) {
              await client.query(migration(tables, next));
              done.push(next);
            }
            await client.query("COMMIT");
            if (next >= SCHEMA_VERSION) return done;
          } catch (error) {
            await client.query("ROLLBACK").catch(() => undefined);
            const { code, message } = error as { code?: string; message: string };
            if (code === "42P07") throw postgresErrors.WB_POSTGRES_TABLE_TAKEN({ store, problem: message }, error);
            throw error;
          }
        }
      });
    },

    sql(from = 0) {
      checkFrom(from, SCHEMA_VERSION);
      const steps = Array.from({ length: SCHEMA_VERSION - from }, (_, i) => from + i + 1);
      const parts = steps.map((version) => `-- version ${version}\nBEGIN;\n${migration(tables, version)}\nCOMMIT;\n`);
      return [...(from === 0 ? [`${foundation(tables)}\n`] : []), ...parts].join("\n");
    },
  };
}
