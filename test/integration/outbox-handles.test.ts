import { defineEvent, defineTopic } from "@waybill/core";
import { createInbox, createOutbox, createRelay, type OpenTransaction, type Store } from "@waybill/outbox";
import { mysql } from "@waybill/outbox/mysql";
import { postgres } from "@waybill/outbox/postgres";
import { drizzle } from "drizzle-orm/node-postgres";
import createKnex, { type Knex } from "knex";
import { Pool } from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { startMariadb } from "../mariadb/start-mariadb.ts";
import { testPostgres } from "../postgres/test-postgres.ts";
import { startOrSkip } from "../servers/unavailable.ts";
import { type AnyTx, type Library, mysqlLibraries, postgresLibraries } from "./outbox-handles.fixture.ts";
import { transactionOf } from "./pool-transaction.fixture.ts";

const [pgServer, mariadb] = await Promise.all([
  testPostgres("handles on PostgreSQL"),
  startOrSkip("handles on MariaDB", startMariadb),
]);
afterAll(() => Promise.all([pgServer?.stop(), mariadb?.stop()]));

const noted = defineEvent("test.noted");
const notes = defineTopic("notes", [noted]);
const { signal } = new AbortController();

interface Database {
  readonly url: string;
  query(sql: string): Promise<readonly Record<string, unknown>[]>;
  open(options: { transaction?: Library["transaction"] }): Store<AnyTx>;
}

describe.skipIf(pgServer === undefined)("PostgreSQL", async () => {
  const url = (await pgServer?.database()) ?? "";
  const query = (sql: string) => pgServer!.query(sql, url);
  await pgServer?.query("CREATE TABLE account (id INT PRIMARY KEY)", url);
  const open = (options: { transaction?: Library["transaction"] }) =>
    postgres<AnyTx>({ connectionString: url, ...options }) as Store<AnyTx>;
  for (const [name, make] of Object.entries(postgresLibraries(url))) cases(name, { url, query, open }, make);
});

describe.skipIf(pgServer === undefined)("handles that mislead", () => {
  test("a Knex that hides how many rows were changed is refused by the inbox, which would take all for duplicates", async () => {
    const url = await pgServer!.database();
    const knex = createKnex({
      client: "pg",
      connection: url,
      postProcessResponse: (answer: { rows?: unknown }) => answer.rows ?? answer,
    });
    const transaction: OpenTransaction<Knex.Transaction> = (work) => knex.transaction((trx) => work(trx)) as never;
    const store = postgres<Knex.Transaction>({ connectionString: url, transaction });
    const outbox = createOutbox({ store, source: "/handles" });
    const key = { topic: "t", subscription: "s", source: "/s", id: "1" };
    try {
      const processing = createInbox({ store }).process(key, async () => undefined, signal);
      await expect(processing).rejects.toMatchObject({ code: "WB_OUTBOX_HANDLE" });
      await outbox.transaction((tx) => outbox.publish(tx, notes, noted(1)));
      expect((await store.counts()).waiting).toBe(1);
    } finally {
      await store.close();
      await knex.destroy();
    }
  });

  test("a client that was lent to the store's transaction is good for the application's own one after it", async () => {
    const url = await pgServer!.database();
    const pool = new Pool({ connectionString: url, max: 1 });
    const transaction = transactionOf(pool, "BEGIN ISOLATION LEVEL SERIALIZABLE");
    const store = postgres({ connectionString: url, transaction });
    const outbox = createOutbox({ store, source: "/handles" });
    try {
      await outbox.transaction((tx) => outbox.publish(tx, notes, noted("by the store")));
      await transaction((client) => outbox.publish(client, notes, noted("by the application")));
      const abort = new AbortController();
      let letGo!: () => void;
      const late = new Promise<void>((resolve) => (letGo = resolve));
      let writing: Promise<void> | undefined;
      const aborted = outbox.transaction(
        async (tx) => {
          abort.abort();
          await late;
          writing = outbox.publish(tx, notes, noted("rolled back"));
          await writing;
        },
        { signal: abort.signal },
      );
      await expect(aborted).rejects.toMatchObject({ name: "AbortError" });
      await transaction(async () => {
        letGo();
        await new Promise((resolve) => setImmediate(resolve));
        await expect(writing).rejects.toMatchObject({ code: "WB_OUTBOX_NO_TRANSACTION" });
      });
      await transaction((client) => outbox.publish(client, notes, noted("by the application")));
      expect((await store.counts()).waiting).toBe(3);
    } finally {
      await store.close();
      await pool.end();
    }
  });

  test("a handle of Drizzle whose transaction was aborted writes into no later one of its connection", async () => {
    const url = await pgServer!.database();
    const pool = new Pool({ connectionString: url, max: 1 });
    const db = drizzle(pool);
    type Tx = Parameters<Parameters<typeof db.transaction>[0]>[0];
    const store = postgres<Tx>({ connectionString: url, transaction: (work) => db.transaction(work) });
    const outbox = createOutbox({ store, source: "/handles" });
    try {
      const abort = new AbortController();
      let late: Parameters<typeof outbox.publish>[0] | undefined;
      const aborted = outbox.transaction(
        async (tx) => {
          late = tx;
          abort.abort();
          await new Promise(() => undefined);
        },
        { signal: abort.signal },
      );
      await expect(aborted).rejects.toMatchObject({ name: "AbortError" });
      await outbox.transaction(async (tx) => {
        const writing = outbox.publish(late!, notes, noted("rolled back"));
        await expect(writing).rejects.toMatchObject({ code: "WB_OUTBOX_NO_TRANSACTION" });
        await outbox.publish(tx, notes, noted("kept"));
      });
      expect((await store.counts()).waiting).toBe(1);
    } finally {
      await store.close();
      await pool.end();
    }
  });
});

describe.skipIf(mariadb === undefined)("MariaDB", async () => {
  const url = (await mariadb?.database()) ?? "";
  const query = (sql: string) => mariadb!.query(sql, url);
  await mariadb?.query("CREATE TABLE account (id INT PRIMARY KEY) ENGINE=InnoDB", url);
  const open = (options: { transaction?: Library["transaction"] }) => mysql<AnyTx>({ url, ...options }) as Store<AnyTx>;
  for (const [name, make] of Object.entries(mysqlLibraries(url))) cases(name, { url, query, open }, make);
});

let ids = 0;

function cases(name: string, database: Database, make: () => Promise<Library>): void {
  test(`${name}: joins its transaction, and the store opens one with it`, async () => {
    const library = await make();
    const taken: unknown[] = [];
    const store = database.open({});
    const outbox = createOutbox({ store, source: "/handles" });
    const chained = database.open({ transaction: library.transaction });
    const relay = createRelay({
      store,
      publisher: {
        publishRaw: async (_topic, events) => {
          taken.push(...events.map((event) => event.data));
          return events.map(() => ({ ok: true, value: undefined }));
        },
      },
    });
    const rowsOf = async (...wanted: number[]) => {
      const rows = await database.query(`SELECT id FROM account WHERE id IN (${wanted.join(", ")}) ORDER BY id`);
      return rows.map(({ id }) => id);
    };
    try {
      await store.open();
      await relay.start();
      const [kept, undone, processed, failed, grouped] = [++ids, ++ids, ++ids, ++ids, ++ids];

      // Commit, in order, among the application's own statements, one event and many.
      await library.transaction(async (tx) => {
        await outbox.publish(tx, notes, noted(`${library.name} 0`, { key: "k" }));
        await library.insert(tx, kept);
        await outbox.publish(
          tx,
          notes,
          Array.from({ length: 700 }, (_, i) => noted(`${library.name} ${i + 1}`, { key: "k" })),
        );
        await outbox.publish(tx, notes, noted("later", { notBefore: new Date(Date.now() + 3_600_000) }));
      });
      const expected = Array.from({ length: 701 }, (_, i) => `${library.name} ${i}`);
      await expect.poll(() => taken.length, { timeout: 20_000 }).toBe(701);
      expect(taken).toEqual(expected);
      expect((await store.counts()).scheduled).toBe(1);

      // Rollback: neither the one nor the other.
      const rolledBack = library.transaction(async (tx) => {
        await library.insert(tx, undone);
        await outbox.publish(tx, notes, noted("undone"));
        throw new Error("no");
      });
      await expect(rolledBack).rejects.toThrow("no");
      expect(await rowsOf(kept, undone)).toEqual([kept]);

      // The other way round: the store opens the library's transaction, for grouped work and for the inbox with its chained outbox.
      await chained.open();
      const own = createOutbox({ store: chained, source: "/handles" });
      await own.transaction(async (tx) => {
        await library.insert(tx, grouped);
        await own.publish(tx, notes, noted("grouped"));
      });
      const inbox = createInbox({ store: chained });
      const key = { topic: "t", subscription: library.name, source: "/x", id: "1" };
      const work = (id: number, error?: Error) => async (tx: AnyTx) => {
        await library.insert(tx, id);
        await own.publish(tx, notes, noted(`caused ${id}`));
        if (error !== undefined) throw error;
      };
      await expect(inbox.process(key, work(failed, new Error("no")), signal)).rejects.toThrow("no");
      expect(await inbox.process(key, work(processed), signal)).toBe("processed");
      expect(await inbox.process(key, work(failed), signal)).toBe("duplicate");
      expect(await chained.transaction((tx) => chained.inbox.add(tx, key))).toBe(false);
      expect(await rowsOf(processed, failed, grouped)).toEqual([processed, grouped]);
      await expect.poll(() => taken.slice(701), { timeout: 20_000 }).toEqual(["grouped", `caused ${processed}`]);

      // What has no transaction would commit by itself.
      let ended: AnyTx | undefined;
      await library.transaction(async (tx) => {
        ended = tx;
      });
      for (const handle of library.outside) {
        const refused = outbox.publish(handle as AnyTx, notes, noted("never"));
        await expect(refused, library.name).rejects.toMatchObject({ code: "WB_OUTBOX_NO_TRANSACTION" });
      }
      await expect(outbox.publish(ended!, notes, noted("never")), library.name).rejects.toThrow();
      await expect.poll(() => store.counts()).toMatchObject({ waiting: 0, parked: 0, dead: 0 });
    } finally {
      await relay.close();
      await database.query(`DELETE FROM ${database.url.startsWith("mysql") ? "" : "waybill."}outbox_scheduled`);
      await Promise.all([store.close(), chained.close()]);
      await library.close();
    }
  });
}
