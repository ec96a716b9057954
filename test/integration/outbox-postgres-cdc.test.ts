import { isWaybillError } from "@waybill/core";
import { createOutbox, createRelay, type Relay } from "@waybill/outbox";
import { eventually, Recorder } from "@waybill/outbox/conformance";
import { postgres } from "@waybill/outbox/postgres";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { testPostgres } from "../postgres/test-postgres.ts";

const server = await testPostgres("outbox on PostgreSQL: change data capture");
afterAll(() => server?.stop());

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function started(options: { url?: string; pollMs?: number; batch?: number } = {}) {
  const url = options.url ?? (await server!.database());
  const store = postgres({ connectionString: url, mode: "cdc" });
  closing.push(() => store.close());
  const recorder = new Recorder();
  const troubles: string[] = [];
  const relay: Relay = createRelay({
    store,
    publisher: recorder,
    leaseMs: 1_000,
    // Far away, so that what arrives came by the log.
    pollMs: options.pollMs ?? 60_000,
    ...(options.batch === undefined ? {} : { batch: options.batch }),
    observer: { trouble: ({ error }) => troubles.push(isWaybillError(error) ? error.code : String(error)) },
  });
  closing.push(() => relay.close());
  await relay.start();
  return { url, store, recorder, relay, troubles, outbox: createOutbox({ store, source: "/cdc" }) };
}

/** As a program in another language would: nobody is told. */
const insertSilently = (url: string, from: number, to: number) =>
  server!.query(
    `INSERT INTO waybill.outbox (bucket, topic, key, event) SELECT 1, 'notes', 'k',
     '{"specversion":"1.0","id":"' || i || '","source":"/sql","type":"t","partitionkey":"k","data":' || i || '}' FROM generate_series(${from}, ${to}) i`,
    url,
  );

const slots = (url: string) =>
  server!.query(`SELECT * FROM pg_replication_slots WHERE database = '${new URL(url).pathname.slice(1)}'`);

const isTailing = async (url: string) => (await slots(url)).some(({ active }) => active === true);

describe.skipIf(!server)("change data capture", () => {
  test("what was there before, and then what the log brings, in order; the slot goes with the relay", async () => {
    const url = await server!.database();
    await postgres({ connectionString: url }).migrations.apply();
    await insertSilently(url, 1, 2_500);
    const { recorder, relay } = await started({ url });
    await recorder.count(2_500);
    await eventually(() => isTailing(url));
    // Not sooner than a reading has shown that the stream misses nothing; until then the table is read once a poll.
    await server!.query(`SELECT pg_notify('waybill.waybill', '')`, url);
    let n = 2_500;
    for (let i = 0; i < 5; i++) {
      await insertSilently(url, n + 1, n + 3);
      n += 3;
      await recorder.count(n);
    }
    expect(recorder.data).toEqual(Array.from({ length: n }, (_, i) => i + 1));
    expect((await slots(url)).map(({ temporary }) => temporary)).toEqual([true]);
    await relay.drain({ deadlineMs: 5_000 });
    await eventually(async () => (await slots(url)).length === 0);
  });

  test("a transaction that arrives is handed out as a whole", async () => {
    const { url, recorder } = await started();
    await eventually(() => isTailing(url));
    await server!.query(`SELECT pg_notify('waybill.waybill', '')`, url);
    for (let round = 0; round < 20; round++) {
      await server!.query(
        `INSERT INTO waybill.outbox (bucket, topic, key, event) SELECT i, 'notes', 'k' || i,
         '{"specversion":"1.0","id":"${round}.' || i || '","source":"/sql","type":"t","data":1}' FROM generate_series(1, 50) i`,
        url,
      );
      await recorder.count((round + 1) * 50);
    }
    expect(recorder.calls).toEqual(Array.from({ length: 20 }, () => 50));
  });

  test("a stream that is cut off is begun anew; what was committed meanwhile is not missed", async () => {
    const { url, recorder } = await started({ pollMs: 200 });
    await eventually(() => isTailing(url));
    for (let round = 0; round < 3; round++) {
      await server!.killConnections(url);
      await insertSilently(url, round * 10 + 1, round * 10 + 10);
      await recorder.count(round * 10 + 10);
      await eventually(() => isTailing(url));
    }
    expect([...new Set(recorder.data)]).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  });

  test("a relay that publishes nothing keeps no log on the server", async () => {
    const { url, recorder, store } = await started({ batch: 200 });
    await eventually(() => isTailing(url));
    let open!: () => void;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    recorder.beforeAnswer = () => opened;
    // More than a stream keeps, also where the first thousands are taken from it before the rest is here.
    await insertSilently(url, 1, 60_000);
    await eventually(async () => !(await isTailing(url)));
    open();
    await eventually(async () => (await store.counts()).waiting === 0);
    expect(recorder.taken.length).toBe(60_000);
  });

  test("a commit that waits for a standby is not published before others see it, and then once", async () => {
    const url = await server!.database();
    // All but the writer commit by themselves.
    await server!.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET synchronous_commit = local`);
    const { recorder, store } = await started({ url });
    await eventually(() => isTailing(url));
    await server!.query(`SELECT pg_notify('waybill.waybill', '')`, url);
    await insertSilently(url, 1, 1);
    await recorder.count(1);
    const standby = async (name: string) => {
      await server!.query(`ALTER SYSTEM SET synchronous_standby_names = '${name}'`);
      await server!.query("SELECT pg_reload_conf()");
    };
    await standby("nobody");
    try {
      await eventually(
        async () => (await server!.query("SHOW synchronous_standby_names"))[0]!.synchronous_standby_names !== "",
      );
      const waiting = server!.query(
        `SET synchronous_commit = on; INSERT INTO waybill.outbox (bucket, topic, key, event)
         VALUES (1, 'notes', 'k', '{"specversion":"1.0","id":"2","source":"/sql","type":"t","partitionkey":"k","data":2}')`,
        url,
      );
      await eventually(async () => {
        const open = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        return (await server!.query(open)).length === 1;
      });
      // A transaction that shares no row with it has no order to keep, and need not wait.
      await insertSilently(url, 3, 3);
      await recorder.count(2);
      expect(recorder.data).toEqual([1, 3]);
      await standby("");
      await waiting;
    } finally {
      await standby("");
    }
    await recorder.count(3);
    expect(recorder.data).toEqual([1, 3, 2]);
    await eventually(async () => (await store.counts()).waiting === 0);
    expect(recorder.taken).toHaveLength(3);
  });

  test("a slot that another relay holds is in nobody's way: each has its own", async () => {
    const { url, relay, recorder, troubles } = await started();
    await eventually(() => isTailing(url));
    const { recorder: secondRecorder, relay: second } = await started({ url });
    await eventually(async () => (await slots(url)).filter(({ active }) => active === true).length === 2);
    expect(new Set((await slots(url)).map(({ slot_name }) => slot_name)).size).toBe(2);
    await insertSilently(url, 1, 100);
    await eventually(() => new Set([...recorder.data, ...secondRecorder.data]).size === 100);
    await relay.close();
    await eventually(() => second.status().buckets === 64);
    await insertSilently(url, 101, 200);
    await eventually(() => secondRecorder.data.includes(200));
    expect(new Set([...recorder.data, ...secondRecorder.data]).size).toBe(200);
    expect(troubles).toEqual([]);
  });

  test("a role that may not make the publication is told what the server said, and works by the table", async () => {
    const url = await server!.database();
    await postgres({ connectionString: url }).migrations.apply();
    await server!.query(
      `DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA waybill TO reader;
       GRANT ALL ON ALL TABLES IN SCHEMA waybill TO reader; GRANT SELECT ON ALL SEQUENCES IN SCHEMA waybill TO reader`,
      url,
    );
    const store = postgres({
      connectionString: Object.assign(new URL(url), { username: "reader" }).href,
      mode: "cdc",
    });
    closing.push(() => store.close());
    const recorder = new Recorder();
    const troubles: string[] = [];
    const relay = createRelay({
      store,
      publisher: recorder,
      observer: { trouble: ({ error }) => troubles.push(String(error)) },
    });
    closing.push(() => relay.close());
    await relay.start();
    await insertSilently(url, 1, 1);
    await recorder.count(1);
    await eventually(() => troubles.length > 0);
    expect(troubles[0]).toMatch(/WB_POSTGRES_REPLICATION.*: permission denied for database/);
    expect(troubles[0]).not.toContain("WB_POSTGRES_PERMISSION");
  });

  test("a publication that was emptied is told of, by the relay and in the overview, and made anew once it is dropped", async () => {
    const url = await server!.database();
    await postgres({ connectionString: url }).migrations.apply();
    await server!.query("CREATE PUBLICATION waybill_waybill", url);
    const { recorder, store, troubles } = await started({ url });
    await insertSilently(url, 1, 1);
    await recorder.count(1);
    await eventually(() => troubles.includes("WB_POSTGRES_PUBLICATION"));
    expect((await store.overview()).problems).toMatchObject([{ code: "WB_POSTGRES_PUBLICATION" }]);
    await server!.query("DROP PUBLICATION waybill_waybill", url);
    const tables = () => server!.query("SELECT tablename FROM pg_publication_tables", url);
    await eventually(async () => (await tables()).length === 1);
    expect((await store.overview()).problems).toBeUndefined();
    await insertSilently(url, 2, 2);
    await recorder.count(2);
  });

  test("a publication of some rows alone is told of, and the table read", async () => {
    const url = await server!.database();
    await postgres({ connectionString: url }).migrations.apply();
    await server!.query("CREATE PUBLICATION waybill_waybill FOR TABLE waybill.outbox WHERE (pos % 2 = 0)", url);
    const { recorder, troubles } = await started({ url });
    await insertSilently(url, 1, 4);
    await recorder.count(4);
    expect(recorder.data).toEqual([1, 2, 3, 4]);
    await eventually(() => troubles.includes("WB_POSTGRES_PUBLICATION"));
  });

  test("a publication that is cut to some columns ends its stream, and not the process", async () => {
    const { url, recorder, troubles } = await started();
    await eventually(() => isTailing(url));
    await server!.query(
      "ALTER PUBLICATION waybill_waybill SET TABLE waybill.outbox (xid, pos, bucket, topic, event)",
      url,
    );
    await insertSilently(url, 1, 4);
    await eventually(() => troubles.includes("WB_POSTGRES_PUBLICATION"));
    await recorder.count(4);
    expect(recorder.data).toEqual([1, 2, 3, 4]);
  });

  test("what was written while the table was left out of the publication is published, and before what the log brings after it", async () => {
    const { url, recorder } = await started();
    await eventually(() => isTailing(url));
    await server!.query(`SELECT pg_notify('waybill.waybill', '')`, url);
    await insertSilently(url, 1, 1);
    await recorder.count(1);
    for (let n = 1; n <= 30; n += 2) {
      await server!.query("ALTER PUBLICATION waybill_waybill DROP TABLE waybill.outbox", url);
      await insertSilently(url, n + 1, n + 1);
      await server!.query("ALTER PUBLICATION waybill_waybill ADD TABLE waybill.outbox", url);
      await insertSilently(url, n + 2, n + 2);
      await recorder.count(n + 2);
    }
    expect(recorder.data).toEqual(Array.from({ length: 31 }, (_, i) => i + 1));
  });

  test("what is written while the table is left out of the publication is found at the next poll", async () => {
    const { url, recorder } = await started({ pollMs: 500 });
    await eventually(() => isTailing(url));
    await insertSilently(url, 1, 1);
    await recorder.count(1);
    await server!.query("ALTER PUBLICATION waybill_waybill DROP TABLE waybill.outbox", url);
    for (let n = 2; n <= 4; n++) {
      const began = performance.now();
      await insertSilently(url, n, n);
      await recorder.count(n);
      expect(performance.now() - began).toBeLessThan(5_000);
    }
    expect(recorder.data).toEqual([1, 2, 3, 4]);
    expect(await isTailing(url)).toBe(true);
  });

  test("where no slot is left, the relay says so and reads the table; it tails once there is one", async () => {
    const url = await server!.database();
    const [{ max }] = (await server!.query(
      "SELECT setting::int AS max FROM pg_settings WHERE name = 'max_replication_slots'",
    )) as [{ max: number }];
    const [{ used }] = (await server!.query("SELECT count(*)::int AS used FROM pg_replication_slots")) as [
      { used: number },
    ];
    for (let i = used; i < max; i++) await server!.query(`SELECT pg_create_physical_replication_slot('taken_${i}')`);
    const { recorder, outbox, troubles } = await started({ url });
    await outbox.transaction((tx) =>
      outbox.publishRaw(tx, "notes", { specversion: "1.0", id: "1", source: "/s", type: "t", data: 1 }),
    );
    await recorder.count(1);
    await eventually(() => troubles.includes("WB_POSTGRES_REPLICATION"));
    for (let i = used; i < max; i++) await server!.query(`SELECT pg_drop_replication_slot('taken_${i}')`);
    await eventually(() => isTailing(url));
  });
});

test.skipIf(!server)("without wal_level = logical the relay says so, and reads the table", async () => {
  const plain = (await testPostgres("wal_level", { settings: { wal_level: "replica" } }))!;
  closing.push(() => plain.stop());
  const { recorder, outbox, troubles } = await started({ url: plain.url });
  await outbox.transaction((tx) =>
    outbox.publishRaw(tx, "notes", { specversion: "1.0", id: "1", source: "/s", type: "t", data: 1 }),
  );
  await recorder.count(1);
  await eventually(() => troubles.includes("WB_POSTGRES_REPLICATION"));
});
