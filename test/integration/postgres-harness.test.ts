import { existsSync } from "node:fs";
import { Client } from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { testPostgres } from "../postgres/test-postgres.ts";

const postgres = await testPostgres("postgres harness");
afterAll(() => postgres?.stop());

describe.skipIf(!postgres)("the PostgreSQL of the tests", () => {
  const server = postgres!;

  test("is a real one with logical decoding, and gives each test a database", async () => {
    const [row] = await server.query("SELECT version(), current_setting('wal_level') AS wal");
    expect(row).toMatchObject({ version: expect.stringContaining("PostgreSQL 18"), wal: "logical" });
    const [one, two] = [await server.database(), await server.database()];
    await server.query("CREATE TABLE t (n int)", one);
    await expect(server.query("SELECT * FROM t", two)).rejects.toThrow("does not exist");
  });

  test("comes back after a restart and after a crash, with what was committed", async () => {
    const url = await server.database();
    await server.query("CREATE TABLE t (n int)", url);
    for (const how of ["fast", "crash"] as const) {
      const before = server.pid;
      await server.query("INSERT INTO t VALUES (1)", url);
      await server.restart(how);
      expect(server.pid).not.toBe(before);
    }
    expect(await server.query("SELECT n FROM t", url)).toHaveLength(2);
  });

  test("ends connections of one database and no other", async () => {
    const clients = await Promise.all(
      [await server.database(), await server.database()].map(async (connectionString) => {
        const client = new Client({ connectionString });
        client.on("error", () => undefined);
        await client.connect();
        return client;
      }),
    );
    const [hit, spared] = clients as [Client, Client];
    const ended = new Promise((resolve) => hit.once("end", resolve));
    await server.killConnections(`postgres://x/${hit.database}`);
    await ended;
    expect((await spared.query("SELECT 1 AS n")).rows).toEqual([{ n: 1 }]);
    await spared.end();
  });

  test("leaves nothing behind", async () => {
    const second = (await testPostgres("postgres harness"))!;
    const [row] = await second.query("SELECT current_setting('data_directory') AS data");
    expect(existsSync(String(row?.data))).toBe(true);
    await second.stop();
    await second.stop();
    expect(existsSync(String(row?.data))).toBe(false);
  });
});
