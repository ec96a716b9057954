import { postgres } from "@waybill/outbox/postgres";
import { Client, type PoolClient } from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { type AdversaryOptions, type AdversaryPlace, adversary } from "../chaos/adversary.ts";
import { testPostgres } from "../postgres/test-postgres.ts";

const server = await testPostgres("outbox on PostgreSQL: order");
afterAll(() => server?.stop());

type Mode = "polling" | "cdc";

async function place(mode: Mode): Promise<AdversaryPlace<PoolClient>> {
  const connectionString = await server!.database();
  await server!.query("CREATE TABLE aggregate (key text PRIMARY KEY, version int NOT NULL)", connectionString);
  return {
    open: () => postgres({ connectionString, maxConnections: 17, mode }),
    async bump(tx, key) {
      const { rows } = await tx.query(
        "INSERT INTO aggregate VALUES ($1, 1) ON CONFLICT (key) DO UPDATE SET version = aggregate.version + 1 RETURNING version",
        [key],
      );
      return rows[0].version as number;
    },
    async takeIdEarly(tx) {
      await tx.query("SELECT pg_current_xact_id()");
    },
    async holdIdle() {
      const client = new Client({ connectionString });
      await client.connect();
      await client.query("BEGIN");
      await client.query("SELECT pg_current_xact_id()");
      return () => client.end();
    },
  };
}

const run = async (mode: Mode, options: Partial<AdversaryOptions<PoolClient>>) =>
  adversary({
    place: await place(mode),
    transactions: 1_500,
    writers: 16,
    relays: 1,
    keys: 20,
    seed: 1,
    holdIdle: false,
    maxPublishMs: 0,
    ...options,
  });

describe.skipIf(!server).each(["polling", "cdc"] as const)(
  "outbox on PostgreSQL under adversarial writers, %s",
  (mode) => {
    const nothingWrong = { lost: 0, inverted: 0, neverCommitted: 0, duplicates: 0 };

    test.each([1, 4])(
      "%i relays: nothing lost, nothing swapped, nobody waits for an idle transaction",
      async (relays) => {
        const report = await run(mode, { relays, holdIdle: true, maxPublishMs: relays === 1 ? 0 : 4, seed: relays });
        expect(report).toMatchObject(nothingWrong);
        expect(report.rolledBack).toBeGreaterThan(20);
        expect(report.passedIdle).toBeGreaterThan(500);
      },
    );

    test("of 1 000 interleaved transactions none is skipped, nor one that commits after all of them", async () => {
      const report = await run(mode, { transactions: 1_000, lateOne: true, keys: 100, seed: 7 });
      expect(report).toMatchObject({ ...nothingWrong, othersBeforeLate: true });
    });
  },
);
