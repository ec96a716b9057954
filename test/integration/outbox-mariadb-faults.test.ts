import { createInbox, createOutbox, createRelay, type MysqlTx, type Store } from "@waybill/outbox";
import { mysql } from "@waybill/outbox/mysql";
import { createConnection, type PoolConnection } from "mysql2/promise";
import { afterAll, describe, expect, test } from "vitest";
import { startMariadb } from "../mariadb/start-mariadb.ts";
import { startOrSkip } from "../servers/unavailable.ts";

const server = await startOrSkip("outbox on MariaDB: faults", startMariadb);
afterAll(() => server?.stop());

const event = (id: string, data: unknown = null, key = "k") => ({
  specversion: "1.0" as const,
  id,
  source: "/s",
  type: "t",
  partitionkey: key,
  datacontenttype: "application/json",
  data,
});

/** A store with a relay that keeps what it publishes; `body` may break the database in any way. */
async function withRelay(
  body: (f: {
    url: string;
    store: Store<PoolConnection, MysqlTx>;
    arrived: string[];
    troubles: string[];
    note(id: string): Promise<void>;
  }) => Promise<void>,
  on = server!,
): Promise<void> {
  const url = await on.database();
  const store = mysql({ url });
  const outbox = createOutbox({ store, source: "/s" });
  const arrived: string[] = [];
  const troubles: string[] = [];
  const relay = createRelay({
    store,
    leaseMs: 1_000,
    publisher: {
      publishRaw: async (_topic, events) => {
        arrived.push(...events.map(({ id }) => id));
        return events.map(() => ({ ok: true, value: undefined }));
      },
    },
    observer: { trouble: ({ error }) => troubles.push((error as { code?: string }).code ?? String(error)) },
  });
  const note = (id: string) => outbox.transaction((tx) => outbox.publishRaw(tx, "notes", event(id)));
  try {
    await store.open();
    await relay.start();
    await body({ url, store, arrived, troubles, note });
  } finally {
    await relay.close();
    await store.close();
  }
}

/** Until the database takes it again. */
const eventually = (work: () => Promise<unknown>) =>
  expect
    .poll(
      () =>
        work().then(
          () => "done",
          (error) => error.code,
        ),
      { timeout: 20_000 },
    )
    .toBe("done");

describe.skipIf(server === undefined)("outbox on MariaDB when things break", () => {
  test("every connection is ended: the relay goes on, nothing is lost or swapped", () =>
    withRelay(async ({ url, arrived, note }) => {
      const ids = Array.from({ length: 60 }, (_, i) => `e${i}`);
      for (const [i, id] of ids.entries()) {
        if (i % 20 === 10) await server!.killConnections(url);
        await eventually(() => note(id));
      }
      await expect.poll(() => new Set(arrived).size, { timeout: 20_000 }).toBe(60);
      expect([...new Set(arrived)]).toEqual(ids);
    }));

  test.skipIf(server?.isOurs === false)(
    "the server is killed and comes back: clear errors meanwhile, and on it goes",
    () =>
      withRelay(async ({ arrived, troubles, note }) => {
        await note("before");
        await expect.poll(() => arrived).toEqual(["before"]);
        await server!.halt("crash");
        await expect(note("meanwhile")).rejects.toMatchObject({ code: "WB_MYSQL_CONNECTION" });
        await expect.poll(() => troubles, { timeout: 10_000 }).toContain("WB_MYSQL_CONNECTION");
        await server!.resume();
        await eventually(() => note("after"));
        await expect.poll(() => arrived.at(-1), { timeout: 20_000 }).toBe("after");
        expect(arrived).not.toContain("meanwhile");
      }),
  );

  test("a table that was dropped and made anew loses nothing to what the relay still holds of the old one", () =>
    withRelay(async ({ url, store, arrived, note }) => {
      const ids = Array.from({ length: 10 }, (_, i) => `e${i}`);
      for (const id of ids.slice(0, 5)) await note(id);
      await expect.poll(() => arrived.length).toBe(5);
      // Published and not removed yet.
      const [make] = /^CREATE TABLE IF NOT EXISTS outbox \([\s\S]*?^DEALLOCATE[^;]*;/m.exec(store.migrations.sql())!;
      const admin = await createConnection({ uri: url, multipleStatements: true });
      await admin.query(`DROP TABLE outbox; ${make}`);
      await admin.end();
      for (const id of ids.slice(5)) await eventually(() => note(id));
      await expect.poll(() => [...new Set(arrived)], { timeout: 20_000 }).toEqual(ids);
      await expect.poll(async () => (await store.counts()).waiting, { timeout: 20_000 }).toBe(0);
    }));

  test("a schema from the future, or none where none may be made, is refused and can be mended", async () => {
    const url = await server!.database();
    const store = mysql({ url });
    const careful = mysql({ url, migrate: false });
    try {
      await expect(careful.open()).rejects.toMatchObject({ code: "WB_MYSQL_SCHEMA_OLDER" });
      await server!.query("CREATE TABLE outbox (mine INT)", url);
      await expect(store.open()).rejects.toMatchObject({ code: "WB_MYSQL_TABLE_TAKEN" });
      await server!.query("DROP TABLE outbox", url);
      await store.open();
      await careful.open();
      await server!.query("INSERT INTO waybill_schema VALUES (999, now())", url);
      const old = mysql({ url });
      await expect(old.open()).rejects.toMatchObject({ code: "WB_MYSQL_SCHEMA_NEWER" });
      await server!.query("DELETE FROM waybill_schema WHERE version = 999", url);
      await old.open();
      await old.close();
    } finally {
      await careful.close();
      await store.close();
    }
  });

  test("many processes that open an empty database at once make it once", async () => {
    const url = await server!.database();
    const stores = Array.from({ length: 4 }, () => mysql({ url }));
    await Promise.all(stores.map((store) => store.open()));
    expect(await stores[0]!.migrations.status()).toEqual({ applied: 1, wanted: 1 });
    await Promise.all(stores.map((store) => store.close()));
  });

  test("wrong password, no such database, nobody there", async () => {
    const url = new URL(await server!.database());
    const code = async (change: (url: URL) => void) => {
      const changed = new URL(url);
      change(changed);
      const store = mysql({ url: changed.href });
      const error = await store.open().catch((thrown) => thrown);
      await store.close();
      expect(String(error)).not.toContain("s3cret");
      return error.code;
    };
    expect(await code((one) => Object.assign(one, { username: "nobody", password: "s3cret" }))).toBe(
      "WB_MYSQL_REFUSED",
    );
    expect(await code((one) => Object.assign(one, { pathname: "/missing" }))).toBe("WB_MYSQL_REFUSED");
    expect(await code((one) => Object.assign(one, { port: "1" }))).toBe("WB_MYSQL_CONNECTION");
    expect(() => mysql({ url: "mysql://localhost" })).toThrow(/database/);
  });

  test("a deadlock is the caller's to try again, and costs the relay nothing", () =>
    withRelay(async ({ url, store, arrived, note }) => {
      await server!.query("CREATE TABLE account (id INT PRIMARY KEY, n INT) ENGINE=InnoDB", url);
      await server!.query("INSERT INTO account VALUES (1, 0), (2, 0)", url);
      const both = Promise.withResolvers<void>();
      let waiting = 0;
      const cross = (first: number, second: number) =>
        store.transaction(async (tx: PoolConnection) => {
          await tx.query("UPDATE account SET n = n + 1 WHERE id = ?", [first]);
          if (++waiting === 2) both.resolve();
          await both.promise;
          await tx.query("UPDATE account SET n = n + 1 WHERE id = ?", [second]);
        });
      const results = await Promise.allSettled([cross(1, 2), cross(2, 1)]);
      const failed = results.filter((one) => one.status === "rejected");
      expect(failed).toHaveLength(1);
      expect(failed[0]!.reason).toMatchObject({ errno: 1213 });
      await note("after");
      await expect.poll(() => arrived).toEqual(["after"]);
    }));

  test("an event in another transaction's hand is busy, not a duplicate", async () => {
    const url = await server!.database();
    const store = mysql({ url });
    const inbox = createInbox({ store });
    const key = { topic: "t", subscription: "s", source: "/x", id: "1" };
    const { signal } = new AbortController();
    try {
      await store.open();
      const undone = store.transaction(async (tx) => {
        expect(await store.inbox.add(tx, key)).toBe(true);
        const impatient = store.transaction(async (other) => {
          await other.query("SET SESSION innodb_lock_wait_timeout = 1");
          await store.inbox.add(other, key);
        });
        await expect(impatient).rejects.toMatchObject({ code: "WB_INBOX_BUSY" });
        throw new Error("no");
      });
      await expect(undone).rejects.toThrow("no");
      expect(await inbox.process(key, async () => undefined, signal)).toBe("processed");
    } finally {
      await store.close();
    }
  });

  test("an event larger than the server takes is refused, and the transaction with it", async () => {
    const url = await server!.database();
    const store = mysql({ url });
    const outbox = createOutbox({ store, source: "/s" });
    try {
      const huge = outbox.transaction((tx) => outbox.publishRaw(tx, "notes", event("huge", "x".repeat(17 * 2 ** 20))));
      await expect(huge).rejects.toMatchObject({ code: expect.stringMatching(/^WB_MYSQL_(PACKET|CONNECTION)$/) });
      expect(await store.counts()).toMatchObject({ waiting: 0 });
    } finally {
      await store.close();
    }
  });

  test("a session with another character set writes the same bytes", () =>
    withRelay(async ({ url, store, arrived }) => {
      const latin = await createConnection({ uri: url, charset: "latin1_swedish_ci" });
      await latin.beginTransaction();
      const outbox = createOutbox({ store, source: "/s" });
      await outbox.publishRaw(latin as PoolConnection, "notes", event("💥 日本", null, "ключ"));
      await latin.commit();
      await latin.end();
      await expect.poll(() => arrived).toEqual(["💥 日本"]);
    }));

  test.skipIf(server?.isOurs === false)("no room is said so, and what was there before is relayed", async () => {
    // One file for all tables that may not grow: what a full disk looks like to a statement.
    const small = await startMariadb({
      args: ["--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:24M"],
    });
    try {
      await withRelay(async ({ store, arrived, note }) => {
        await note("before");
        const outbox = createOutbox({ store, source: "/s" });
        const filler = event("filler", "x".repeat(200_000));
        // Not due: it stays.
        const later = { notBefore: new Date(Date.now() + 3_600_000) };
        const fill = async () => {
          for (let i = 0; i < 200; i++) {
            await outbox.transaction((tx) => outbox.publishRaw(tx, "notes", filler, later));
          }
        };
        await expect(fill()).rejects.toMatchObject({ code: "WB_MYSQL_DISK" });
        await expect.poll(() => arrived, { timeout: 10_000 }).toEqual(["before"]);
      }, small);
    } finally {
      await small.stop();
    }
  });
});
