import { randomUUID } from "node:crypto";
import { runStoreConformance } from "@waybill/outbox/conformance";
import { postgres } from "@waybill/outbox/postgres";
import { Pool, type PoolClient } from "pg";
import { afterAll, describe } from "vitest";
import { testPostgres } from "../postgres/test-postgres.ts";

const server = await testPostgres("outbox on PostgreSQL");
afterAll(() => server?.stop());

describe.skipIf(!server).each(["polling", "cdc"] as const)("outbox on PostgreSQL, %s", (mode) => {
  runStoreConformance<PoolClient>({
    name: `postgres ${mode}`,
    async place() {
      const schema = `Case ${randomUUID().slice(0, 8)}`;
      const pool = new Pool({ connectionString: server!.url });
      return {
        open: () => postgres({ connectionString: server!.url, schema, mode }),
        async query(tx, sql, values = []) {
          let n = 0;
          const own = sql
            .replace(/\b(account|effect|outbox_sent)\b/g, `"${schema}".$1`)
            .replace(/\?/g, () => `$${++n}`);
          return (await tx.query(own, [...values])).rows;
        },
        async keepSlowRows() {
          await pool.query(
            `CREATE FUNCTION "${schema}".slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3); RETURN NULL; END';
             CREATE TRIGGER slow AFTER DELETE ON "${schema}".outbox_sent_default FOR EACH ROW EXECUTE FUNCTION "${schema}".slow();
             INSERT INTO "${schema}".outbox_sent (pos, topic, event, sent_at) VALUES (1, 'notes', '{}', to_timestamp(0))`,
          );
        },
        async remove() {
          await pool.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
          await pool.end();
        },
      };
    },
  });
});
