import { createOutbox, createRelay } from "@waybill/outbox";
import { mysql } from "@waybill/outbox/mysql";
import { createConnection, type PoolConnection, type RowDataPacket } from "mysql2/promise";
import { afterAll, describe, expect, test } from "vitest";
import { type AdversaryOptions, type AdversaryPlace, adversary } from "../chaos/adversary.ts";
import { startMariadb } from "../mariadb/start-mariadb.ts";
import { startOrSkip } from "../servers/unavailable.ts";

const server = await startOrSkip("outbox on MariaDB: order", startMariadb);
afterAll(() => server?.stop());

async function place(keys: number): Promise<AdversaryPlace<PoolConnection>> {
  const url = await server!.database();
  await server!.query("CREATE TABLE aggregate (name VARCHAR(20) PRIMARY KEY, version INT NOT NULL) ENGINE=InnoDB", url);
  const names = ["late", "idle", ...Array.from({ length: keys }, (_, i) => `k${i}`)];
  await server!.query(`INSERT INTO aggregate VALUES ${names.map((name) => `('${name}', 0)`).join(", ")}`, url);
  return {
    open: () => mysql({ url, maxConnections: 17 }),
    async bump(tx, key) {
      await tx.execute("UPDATE aggregate SET version = version + 1 WHERE name = ?", [key]);
      const [rows] = await tx.execute<RowDataPacket[]>("SELECT version FROM aggregate WHERE name = ?", [key]);
      return rows[0]!.version as number;
    },
    async holdIdle() {
      const connection = await createConnection(url);
      await connection.query("START TRANSACTION WITH CONSISTENT SNAPSHOT");
      await connection.query("UPDATE aggregate SET version = 1 WHERE name = 'idle'");
      return async () => connection.destroy();
    },
  };
}

const run = async (options: Partial<AdversaryOptions<PoolConnection>>) =>
  adversary({
    place: await place(options.keys ?? 20),
    transactions: 1_500,
    writers: 16,
    relays: 1,
    keys: 20,
    seed: 1,
    holdIdle: false,
    maxPublishMs: 0,
    ...options,
  });

describe.skipIf(server === undefined)("outbox on MariaDB under adversarial writers", () => {
  const nothingWrong = { lost: 0, inverted: 0, neverCommitted: 0, duplicates: 0 };

  test.each([1, 4])(
    "%i relays: nothing lost, nothing swapped, nobody waits for an idle transaction",
    async (relays) => {
      const report = await run({ relays, holdIdle: true, maxPublishMs: relays === 1 ? 0 : 4, seed: relays });
      expect(report).toMatchObject(nothingWrong);
      expect(report.rolledBack).toBeGreaterThan(20);
      expect(report.passedIdle).toBeGreaterThan(500);
    },
  );

  test("of 1 000 interleaved transactions none is skipped, nor one that commits after all of them", async () => {
    const report = await run({ transactions: 1_000, lateOne: true, keys: 100, seed: 7 });
    expect(report).toMatchObject({ ...nothingWrong, othersBeforeLate: true });
  });

  test("a transaction that was open before the relay began is not skipped by it", async () => {
    const url = await server!.database();
    const store = mysql({ url });
    const outbox = createOutbox({ store, source: "/s" });
    const arrived: string[] = [];
    const relay = createRelay({
      store,
      publisher: {
        publishRaw: async (_topic, events) => {
          arrived.push(...events.map(({ id }) => id));
          return events.map(() => ({ ok: true, value: undefined }));
        },
      },
    });
    const note = (tx: PoolConnection, id: string) =>
      outbox.publishRaw(tx, "notes", { specversion: "1.0", id, source: "/s", type: "t" });
    let commit: () => void = () => undefined;
    try {
      await outbox.transaction((tx) => note(tx, "before"));
      let hasWritten!: () => void;
      const written = new Promise<void>((resolve) => {
        hasWritten = resolve;
      });
      const late = outbox.transaction(async (tx) => {
        await note(tx, "late");
        hasWritten();
        await new Promise<void>((resolve) => {
          commit = resolve;
        });
      });
      await written;
      const others = Array.from({ length: 300 }, (_, i) => `after ${i}`);
      await outbox.transaction(async (tx) => {
        for (const id of others) await note(tx, id);
      });
      await relay.start();
      await expect.poll(() => arrived, { timeout: 10_000 }).toEqual(["before", ...others]);
      // Removed, all together and without waiting for the row between: nothing but the gap tells of it now.
      await expect.poll(async () => (await store.counts()).waiting).toBe(0);
      // Longer than a position without a row is remembered for its own sake.
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      await outbox.transaction((tx) => note(tx, "another"));
      await expect.poll(() => arrived.length).toBe(302);
      commit();
      await late;
      await expect.poll(() => arrived.at(-1), { timeout: 20_000 }).toBe("late");
      expect(arrived).toHaveLength(303);
    } finally {
      commit();
      await relay.close();
      await store.close();
    }
  });
});
