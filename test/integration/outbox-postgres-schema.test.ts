import { readFile } from "node:fs/promises";
import { inspect } from "node:util";
import { createOutbox, createRelay } from "@waybill/outbox";
import { eventually, Recorder } from "@waybill/outbox/conformance";
import { postgres } from "@waybill/outbox/postgres";
import { afterAll, describe, expect, test } from "vitest";
import { testPostgres } from "../postgres/test-postgres.ts";
import { distinct, relaysOn, upTo } from "./outbox-postgres-relays.fixture.ts";

const server = await testPostgres("outbox on PostgreSQL: schema and rights");
afterAll(() => server?.stop());
const { closing, started } = relaysOn(server);

describe.skipIf(!server)("schema and rights of PostgreSQL", () => {
  test("a table that is gone is said, and work goes on once it is back", async () => {
    const { url, store, recorder, write, troubles } = await started({ pollMs: 50 });
    await write(0);
    await recorder.count(1);
    await server!.query("ALTER TABLE waybill.outbox_dead RENAME TO gone", url);
    await expect(store.dead.discard([1])).rejects.toMatchObject({ code: "WB_POSTGRES_TABLE_MISSING" });
    await server!.query("ALTER TABLE waybill.gone RENAME TO outbox_dead", url);
    await server!.query("ALTER TABLE waybill.outbox RENAME TO gone", url);
    await expect(write(1)).rejects.toMatchObject({ code: "WB_POSTGRES_TABLE_MISSING" });
    await eventually(() => troubles.includes("WB_POSTGRES_TABLE_MISSING"));
    await server!.query("ALTER TABLE waybill.gone RENAME TO outbox", url);
    await write(1);
    await recorder.count(2);
    expect(recorder.data).toEqual([0, 1]);
  });

  test("a table that was dropped and made anew loses nothing to what the relay still holds of the old one", async () => {
    const { url, store, recorder, write } = await started({ pollMs: 50 });
    for (const id of upTo(5)) await write(id);
    await recorder.count(5);
    // Published and not removed yet.
    const [make] = /^CREATE TABLE "waybill".outbox \([\s\S]*?CREATE INDEX outbox_xid[^;]*;/m.exec(
      store.migrations.sql(),
    )!;
    await server!.query(`DROP TABLE waybill.outbox; ${make}`, url);
    for (const id of upTo(5)) await write(5 + id);
    await eventually(() => distinct(recorder).length === 10);
    expect(distinct(recorder)).toEqual(upTo(10));
    await eventually(async () => (await store.counts()).waiting === 0);
  });

  test("a schema of another version is refused: older without migrations, newer always", async () => {
    const connectionString = await server!.database();
    const checked = postgres({ connectionString, migrate: false });
    closing.push(() => checked.close());
    await expect(checked.open()).rejects.toMatchObject({ code: "WB_POSTGRES_SCHEMA_OLDER" });
    // What `sql` prints does the same as `apply`.
    await server!.query(checked.migrations.sql(), connectionString);
    await checked.open();
    await server!.query("INSERT INTO waybill.waybill_schema (version) VALUES (99)", connectionString);
    const newer = postgres({ connectionString });
    closing.push(() => newer.close());
    await expect(newer.open()).rejects.toMatchObject({ code: "WB_POSTGRES_SCHEMA_NEWER" });
  });

  test("many processes migrate at once: each step once", async () => {
    const connectionString = await server!.database();
    const stores = Array.from({ length: 5 }, () => postgres({ connectionString }));
    closing.push(async () => void (await Promise.all(stores.map((store) => store.close()))));
    const applied = await Promise.all(stores.map((store) => store.migrations.apply()));
    expect(applied.flat()).toEqual(upTo(stores[0]!.migrations.sql().match(/-- version/g)!.length).map((i) => i + 1));
  });

  test("a table of somebody else's is left alone", async () => {
    const connectionString = await server!.database();
    await server!.query("CREATE SCHEMA waybill; CREATE TABLE waybill.outbox (mine int)", connectionString);
    const store = postgres({ connectionString });
    closing.push(() => store.close());
    await expect(store.open()).rejects.toMatchObject({ code: "WB_POSTGRES_TABLE_TAKEN" });
    expect(await server!.query("SELECT * FROM waybill.outbox", connectionString)).toEqual([]);
  });

  test("a sequence that hands out blocks is refused", async () => {
    const { url, start } = await started({ relay: false });
    await server!.query("ALTER SEQUENCE waybill.outbox_pos_seq CACHE 20", url);
    await expect(start("r")).rejects.toMatchObject({ code: "WB_POSTGRES_SEQUENCE_CACHE" });
  });

  test("rows of a dump keep their place where transaction ids begin anew", async () => {
    const { url, recorder, start, store } = await started({ relay: false });
    await server!.query(
      `INSERT INTO waybill.outbox (xid, bucket, topic, key, event) SELECT '900000000'::xid8, 1, 'notes', 'k',
       '{"specversion":"1.0","id":"' || i || '","source":"/f","type":"t","partitionkey":"k","data":' || i || '}' FROM generate_series(0, 99) i`,
      url,
    );
    await start("r");
    await eventually(async () => (await store.counts()).waiting === 0);
    expect(recorder.data).toEqual(upTo(100));
  });

  test("no server, a wrong password, no rights: errors with words and without secrets", async () => {
    const closed = postgres({ connectionString: "postgres://app:hunter2@127.0.0.1:1/shop" });
    closing.push(() => closed.close());
    const error = await closed.open().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "WB_POSTGRES_CONNECTION" });
    expect(`${(error as Error).message} ${JSON.stringify(error)}`).not.toContain("hunter2");
    expect(closed.name).not.toContain("hunter2");
    const url = new URL(await server!.database());
    await server!.query("DROP ROLE IF EXISTS nobody_here; CREATE ROLE nobody_here LOGIN");
    url.username = "nobody_here";
    const denied = postgres({ connectionString: url.href });
    closing.push(() => denied.close());
    await expect(denied.open()).rejects.toMatchObject({ code: "WB_POSTGRES_PERMISSION" });
  });

  test("the rights that the guide grants are enough, and no more are needed in a schema that is there already", async () => {
    const url = await server!.database();
    for (const role of ["owner_of_it", "service", "relay"]) {
      await server!.query(`DROP ROLE IF EXISTS ${role}; CREATE ROLE ${role} LOGIN`);
    }
    const as = (username: string) => {
      const store = postgres({ connectionString: Object.assign(new URL(url), { username }).href });
      closing.push(() => store.close());
      return store;
    };
    await server!.query("CREATE SCHEMA waybill AUTHORIZATION owner_of_it", url);
    await as("owner_of_it").open();
    const guide = await readFile(new URL("../../docs/guide/outbox.md", import.meta.url), "utf8");
    await server!.query(/```sql\n([\s\S]*?)```/.exec(guide)![1]!, url);

    const recorder = new Recorder();
    recorder.refuse = (event) => (event.data === "bad" ? new Error("no") : undefined);
    const troubles: unknown[] = [];
    const relay = createRelay({
      store: as("relay"),
      publisher: recorder,
      retry: { attempts: 2, initialMs: 1 },
      observer: { trouble: ({ error }) => troubles.push(error) },
    });
    closing.push(() => relay.close());
    await relay.start();
    const outbox = createOutbox({ store: as("service"), source: "/s" });
    const event = (data: string) => ({ specversion: "1.0" as const, id: data, source: "/s", type: "t", data });
    await outbox.transaction(async (tx) => {
      await outbox.publishRaw(tx, "notes", ["good", "bad"].map(event));
      await outbox.publishRaw(tx, "notes", event("later"), { notBefore: new Date(Date.now() + 300) });
    });
    await eventually(() => recorder.data.length === 2);
    expect(recorder.data).toEqual(["good", "later"]);
    const { dead } = createOutbox({ store: as("relay"), source: "/s" });
    await eventually(async () => (await dead.list()).length === 1);
    expect(troubles).toEqual([]);
    await server!.query("DROP SCHEMA waybill CASCADE; DROP OWNED BY owner_of_it, service, relay", url);
  });

  test("what is no URL is refused without a word of it", () => {
    const urls = [
      "postgres://app:hunter2#/x@db/shop",
      "postgres://app:hunter2@db:99999/shop",
      "host=db password=hunter2",
      "",
    ];
    for (const connectionString of urls) {
      let refused: unknown;
      try {
        postgres({ connectionString });
      } catch (error) {
        refused = error;
      }
      expect(refused).toMatchObject({ code: "WB_OUTBOX_OPTION" });
      expect(inspect(refused)).not.toContain("hunter2");
    }
  });
});
