import { readFile } from "node:fs/promises";
import { inspect } from "node:util";
import { isWaybillError } from "@waybill/core";
import { systemClock } from "@waybill/core/spi";
import { createInbox, createOutbox, createRelay } from "@waybill/outbox";
import { eventually, Recorder } from "@waybill/outbox/conformance";
import { type PostgresOptions, postgres } from "@waybill/outbox/postgres";
import { Client, Pool } from "pg";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { testPostgres } from "../postgres/test-postgres.ts";

const server = await testPostgres("outbox on PostgreSQL: faults");
afterAll(() => server?.stop());

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function started(options: Partial<PostgresOptions> & { relay?: boolean; pollMs?: number } = {}) {
  const { relay: withRelay = true, pollMs, ...storeOptions } = options;
  const url = storeOptions.connectionString ?? (await server!.database());
  const store = postgres({ connectionString: url, ...storeOptions });
  closing.push(() => store.close());
  await store.open();
  const recorder = new Recorder();
  const troubles: string[] = [];
  const start = async (owner: string, { leaseMs = 1_000 } = {}) => {
    const relay = createRelay({
      store,
      publisher: recorder,
      owner,
      leaseMs,
      ...(pollMs === undefined ? {} : { pollMs }),
      observer: { trouble: ({ error }) => troubles.push(isWaybillError(error) ? error.code : String(error)) },
    });
    closing.push(() => relay.close());
    await relay.start();
    return relay;
  };
  if (withRelay) await start("first");
  const outbox = createOutbox({ store, source: "/faults" });
  const write = (id: number, data: unknown = id, partitionkey = "k") =>
    outbox.transaction((tx) =>
      outbox.publishRaw(tx, "notes", {
        specversion: "1.0",
        id: `${id}`,
        source: "/f",
        type: "t",
        partitionkey,
        data,
      }),
    );
  return { url, store, recorder, troubles, outbox, write, start };
}

const distinct = (recorder: Recorder) => [...new Set(recorder.data)];
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);

describe.skipIf(!server)("faults of PostgreSQL", () => {
  test.each(["polling", "cdc"] as const)(
    "%s: connections that are ended and a server that restarts cost nothing",
    async (mode) => {
      const { url, recorder, write, store } = await started({ mode });
      let n = 0;
      const writeSome = async () => {
        for (let i = 0; i < 20; i++) await write(n++);
      };
      await writeSome();
      for (const trouble of ["connections", "fast", "connections", "crash"] as const) {
        if (trouble === "connections") await server!.killConnections(url);
        else await server!.restart(trouble);
        // The first try may meet a connection that has just been ended; nothing of it is committed then.
        await eventually(() =>
          write(n).then(
            () => true,
            () => false,
          ),
        );
        n++;
        await writeSome();
        await eventually(() => distinct(recorder).length === n);
      }
      expect(distinct(recorder)).toEqual(upTo(n));
      await eventually(async () => (await store.counts()).waiting === 0);
    },
  );

  test("a relay stops in good order although its database is away", async () => {
    const { write, recorder, start } = await started({ relay: false });
    const relay = await start("r");
    await write(0);
    await recorder.count(1);
    await server!.halt("crash");
    try {
      await relay.drain({ deadlineMs: 5_000 });
      expect(relay.status().state).toBe("closed");
    } finally {
      await server!.resume();
    }
  });

  test.each(["polling", "cdc"] as const)(
    "%s: connections that are frozen keep neither relay nor store from closing",
    async (mode) => {
      const { url, store, recorder, write, start } = await started({ mode, relay: false });
      const relay = await start("r");
      await write(0);
      await recorder.count(1);
      const pids = (
        await server!.query(
          `SELECT pid::int FROM pg_stat_activity WHERE datname = '${new URL(url).pathname.slice(1)}' AND pid <> pg_backend_pid()`,
        )
      ).map(({ pid }) => pid as number);
      for (const pid of pids) process.kill(pid, "SIGSTOP");
      try {
        const frozenMs = performance.now();
        await relay.drain({ deadlineMs: 1_000 });
        await store.close();
        expect(performance.now() - frozenMs).toBeLessThan(10_000);
      } finally {
        for (const pid of pids) process.kill(pid, "SIGCONT");
      }
    },
  );

  test("a connection that is lost in the middle of a claim is said, and nothing is passed over", async () => {
    const { url, store, recorder, troubles, outbox, write } = await started({ pollMs: 50 });
    await write(0);
    await recorder.count(1);
    await eventually(async () => (await store.counts()).waiting === 0);
    await store.transaction(async (tx) => {
      await tx.query("LOCK TABLE waybill.outbox IN ACCESS EXCLUSIVE MODE");
      for (let i = 1; i <= 50; i++) {
        await outbox.publishRaw(tx, "notes", {
          specversion: "1.0",
          id: `${i}`,
          source: "/f",
          type: "t",
          partitionkey: "k",
          data: i,
        });
      }
      const waiting = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
      await eventually(async () => (await server!.query(`SELECT 1 ${waiting}`, url)).length > 0);
      await server!.query(`SELECT pg_terminate_backend(pid) ${waiting}`, url);
      await eventually(() => troubles.includes("WB_POSTGRES_CONNECTION"));
    });
    await recorder.count(51);
    expect(recorder.data).toEqual(upTo(51));
  });

  test("a transaction whose connection is lost is undone, and says so", async () => {
    const { url, store, write } = await started({ relay: false });
    await write(0);
    const cut = store.transaction(async (tx) => {
      await tx.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = pg_backend_pid()");
    });
    await expect(cut).rejects.toThrow();
    const atCommit = store.transaction(async (tx) => {
      const { rows } = await tx.query("SELECT pg_backend_pid() AS pid");
      await server!.query(`SELECT pg_terminate_backend(${rows[0].pid})`, url);
    });
    await expect(atCommit).rejects.toMatchObject({ code: "WB_POSTGRES_COMMIT_UNKNOWN" });
    expect(await store.counts()).toMatchObject({ waiting: 1 });
  });

  test("a record that fails leaves no transaction open, and its event comes again", async () => {
    const { url, store } = await started({ relay: false, maxConnections: 1 });
    await server!.query("CREATE TABLE effect (id text)", url);
    const inbox = createInbox({ store });
    const process = (id: string) =>
      inbox.process(
        { topic: "orders", subscription: "s", source: "/f", id },
        async (tx) => void (await tx.query("INSERT INTO effect VALUES ($1)", [id])),
        new AbortController().signal,
      );
    // The first prepares the statements, the others send them together.
    for (const id of ["1", "2"]) expect(await process(id)).toBe("processed");
    await server!.query("ALTER TABLE waybill.inbox_32 RENAME TO away", url);
    await expect(process("3")).rejects.toMatchObject({ code: "WB_POSTGRES_TABLE_MISSING" });
    await server!.query("ALTER TABLE waybill.away RENAME TO inbox_32", url);
    for (const id of ["3", "4"]) expect(await process(id)).toBe("processed");
    for (const id of ["1", "2", "3", "4"]) expect(await process(id)).toBe("duplicate");
    expect(await server!.query("SELECT id FROM effect ORDER BY id", url)).toHaveLength(4);
  });

  test("a pool that sends queries without waiting for answers does too, for relay and inbox", async () => {
    const url = await server!.database();
    const pool = new Pool({ connectionString: url, pipeline: true });
    closing.push(() => pool.end());
    const store = postgres({ pool, mode: "cdc" });
    closing.push(() => store.close());
    const recorder = new Recorder();
    const relay = createRelay({ store, publisher: recorder, leaseMs: 1_000 });
    closing.push(() => relay.close());
    await relay.start();
    const outbox = createOutbox({ store, source: "/faults" });
    const inbox = createInbox({ store });
    const note = (id: string) => ({ specversion: "1.0" as const, id, source: "/f", type: "t", data: id });
    for (const id of ["1", "2", "1", "3"]) {
      await inbox.process(
        { topic: "orders", subscription: "s", source: "/f", id },
        (tx) => outbox.publishRaw(tx, "notes", note(id)),
        new AbortController().signal,
      );
    }
    await recorder.count(3);
    expect(recorder.data).toEqual(["1", "2", "3"]);
  });

  test("a failed statement that nobody told of does not commit in silence", async () => {
    const { store } = await started({ relay: false });
    const swallowed = store.transaction((tx) => tx.query("SELECT 1 / 0").catch(() => undefined));
    await expect(swallowed).rejects.toMatchObject({ code: "WB_POSTGRES_ROLLED_BACK" });
  });

  test("a table that is gone is said, and work goes on once it is back", async () => {
    const { url, recorder, write, troubles } = await started({ pollMs: 50 });
    await write(0);
    await recorder.count(1);
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

  test("a server without space says so; what was not committed is undone, the relay goes on when there is some", async () => {
    const { url, recorder, write } = await started();
    await write(0);
    await recorder.count(1);
    // A quota stands for a full disk: the server raises the same error.
    await server!.query(
      `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
       CREATE TRIGGER full_disk BEFORE INSERT ON waybill.outbox EXECUTE FUNCTION full_disk()`,
      url,
    );
    await expect(write(1)).rejects.toMatchObject({ code: "WB_POSTGRES_DISK" });
    await server!.query("DROP TRIGGER full_disk ON waybill.outbox", url);
    await write(2);
    await recorder.count(2);
    expect(recorder.data).toEqual([0, 2]);
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

  test("events of any size go through, a few at a time", async () => {
    const { recorder, write } = await started();
    const sizes = [10, 20_000, 3_000_000, 5, 17_000, 40];
    for (const size of sizes) await write(size, "x".repeat(size));
    await recorder.count(sizes.length);
    expect(recorder.data.map((text) => String(text).length)).toEqual(sizes);
  });

  test("parked events that are large are read a few at a time", async () => {
    const { url, recorder, start } = await started({ relay: false });
    await server!.query(
      `INSERT INTO waybill.outbox_retry (pos, bucket, topic, event, attempts, next_at)
       SELECT i, i % 64, 'notes', '{"specversion":"1.0","id":"' || i || '","source":"/s","type":"t","data":"' || repeat('x', 2000000) || '"}', 1, now()
       FROM generate_series(1, 60) i`,
      url,
    );
    const queries = vi.spyOn(Client.prototype, "query");
    try {
      await start("r");
      await recorder.count(60);
      let largest = 0;
      for (const { value } of queries.mock.results) {
        const { rows = [] } = ((await value) ?? {}) as { rows?: { event?: string }[] };
        largest = Math.max(
          largest,
          rows.reduce((sum, { event }) => sum + (event?.length ?? 0), 0),
        );
      }
      expect(largest).toBeGreaterThan(0);
      expect(largest).toBeLessThan(80_000_000);
    } finally {
      queries.mockRestore();
    }
  });

  test("relays divide the buckets, and who comes or goes changes the shares", async () => {
    const { start, write, recorder } = await started({ relay: false });
    const first = await start("a");
    await eventually(() => first.status().buckets === 64);
    const second = await start("b");
    const third = await start("c");
    await eventually(() => [first, second, third].every((relay) => relay.status().buckets >= 20));
    expect(first.status().buckets + second.status().buckets + third.status().buckets).toBe(64);
    for (let i = 0; i < 20; i++) await write(i);
    await recorder.count(20);
    await third.drain({ deadlineMs: 5_000 });
    await first.drain({ deadlineMs: 5_000 });
    await eventually(() => second.status().buckets === 64);
    await write(20);
    await recorder.count(21);
    expect(recorder.data).toEqual(upTo(21));
  });

  test("a backlog, which is copied, and single rows, which are not, are read alike", async () => {
    const { start, recorder, store, outbox } = await started({ relay: false });
    const odd = ["k", "naïve 😀", `"'\\`, "x".repeat(20_000), "é".repeat(9_000), "{}", "]"];
    const publish = (key: string, n: number) =>
      outbox.transaction((tx) =>
        outbox.publishRaw(tx, "notes", {
          specversion: "1.0",
          id: `${n} ${odd.indexOf(key)}`,
          source: "/f",
          type: "t",
          partitionkey: key,
          data: { key, n },
        }),
      );
    for (const key of odd) await publish(key, 0);
    const foreign = (event: string) => ({ topic: "notes", key: undefined, bucket: 3, event, notBeforeMs: undefined });
    await store.transaction((tx) => store.insert(tx, ["", "{", "null", '"', '[{"a":1}]', "{}{}"].map(foreign)));
    const keyless = { specversion: "1.0", id: "1", source: "/f", type: "t", data: "keyless" };
    await store.transaction((tx) => store.insert(tx, [foreign(JSON.stringify(keyless))]));
    for (const key of odd) await publish(key, 1);
    await start("r");
    await recorder.count(2 * odd.length + 1);
    expect(recorder.data).toContain("keyless");
    for (const [i, key] of odd.entries()) {
      await publish(key, 2);
      await recorder.count(2 * odd.length + i + 2);
    }
    for (const key of odd) {
      const ofKey = recorder.taken.filter(({ event }) => event.partitionkey === key).map(({ event }) => event.data);
      expect(ofKey).toEqual([0, 1, 2].map((n) => ({ key, n })));
    }
    await eventually(async () => (await store.counts()).dead === 6);
  });

  test("buckets that pass to a relay that joins are soon served again, however long a lease is", async () => {
    const { url, start, write, recorder } = await started({ relay: false });
    const first = await start("a", { leaseMs: 6_000 });
    await eventually(() => first.status().buckets === 64);
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    recorder.beforeAnswer = () => answered;
    for (let i = 0; i < 100; i++) await write(i, i, `k${i}`);
    await eventually(() => recorder.running > 0);
    const second = await start("b", { leaseMs: 6_000 });
    const renewed = async () => {
      const [row] = await server!.query("SELECT min(until)::text AS until FROM waybill.outbox_lease", url);
      return row!.until;
    };
    const before = await renewed();
    await eventually(async () => (await renewed()) !== before);
    // The first one knows of the second by now, and has something of nearly every bucket in flight.
    const began = performance.now();
    answer();
    await eventually(() => second.status().buckets === 32);
    // Rounds are two seconds apart otherwise.
    expect(performance.now() - began).toBeLessThan(1_500);
  });

  test("plans that were made for an empty table do not lead the relay to read all of it", async () => {
    const { url, recorder, start, write } = await started({ relay: false });
    await server!.query("VACUUM ANALYZE", url);
    const relay = await start("r");
    for (let i = 1; i <= 10; i++) {
      await write(i);
      await recorder.count(i);
    }
    const read = async () => {
      const [row] = await server!.query(
        "SELECT seq_tup_read::int AS all, idx_tup_fetch::int AS some FROM pg_stat_user_tables WHERE relname = 'outbox'",
        url,
      );
      return row as { all: number; some: number };
    };
    const before = await read();
    await server!.query(
      `INSERT INTO waybill.outbox (bucket, topic, key, event) SELECT 1, 'notes', NULL,
       '{"specversion":"1.0","id":"' || i || '","source":"/f","type":"t","data":' || i || '}' FROM generate_series(1, 20000) i`,
      url,
    );
    await recorder.count(20_010);
    // Sessions tell of what they have read when they end.
    await relay.close();
    await eventually(async () => (await read()).some >= 20_000);
    expect((await read()).all - before.all).toBeLessThan(1_000);
  });

  test("notifications are few, and none is sent inside the business transaction", async () => {
    const { url, store, write } = await started({ relay: false });
    const listener = new Client({ connectionString: url });
    await listener.connect();
    closing.push(() => listener.end());
    let heard = 0;
    listener.on("notification", () => heard++);
    await listener.query('LISTEN "waybill.waybill"');
    const began = performance.now();
    for (let i = 0; i < 200; i++) await write(i);
    const tookMs = performance.now() - began;
    await eventually(() => heard > 0);
    expect(heard).toBeLessThanOrEqual(Math.ceil(tookMs / 100) + 2);
    const functions = await server!.query(
      "SELECT 1 FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT tgisinternal",
      url,
    );
    expect(functions).toEqual([]);
    expect(await store.counts()).toMatchObject({ waiting: 200 });
  });

  test("many published rows that lie in no partition of their own are forgotten in pieces", async () => {
    const { url, store } = await started({ relay: false });
    await server!.query(
      `CREATE TABLE pieces (n int);
       CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN INSERT INTO pieces SELECT count(*) FROM gone; RETURN NULL; END';
       CREATE TRIGGER note AFTER DELETE ON waybill.outbox_sent_default REFERENCING OLD TABLE AS gone
         FOR EACH STATEMENT EXECUTE FUNCTION note();
       INSERT INTO waybill.outbox_sent_default
         SELECT i, 'notes', NULL, repeat('x', 1000), now() - CASE WHEN i % 1000 = 0 THEN '1 minute' ELSE '2 hours' END::interval
         FROM generate_series(1, 20000) i`,
      url,
    );
    const feed = await store.feed({
      owner: "tidy",
      leaseMs: 1_000,
      pollMs: undefined,
      keepSentMs: 3_600_000,
      clock: systemClock,
      onTrouble: () => undefined,
    });
    await feed.tidy();
    await feed.release(true);
    const [kept] = await server!.query("SELECT count(*)::int AS n FROM waybill.outbox_sent_default", url);
    expect(kept).toEqual({ n: 20 });
    const [pieces] = await server!.query("SELECT max(n) AS largest, sum(n)::int AS all FROM pieces", url);
    expect(pieces!.all).toBe(19_980);
    expect(pieces!.largest).toBeLessThanOrEqual(1_000);
  });

  test("published rows are kept as long as asked, in partitions that are dropped whole", async () => {
    const { url, store, write, recorder } = await started({ relay: false });
    const feed = await store.feed({
      owner: "tidy",
      leaseMs: 1_000,
      pollMs: undefined,
      keepSentMs: 3_600_000,
      clock: { now: Date.now, monotonic: () => performance.now(), after: () => ({ clear: () => undefined }) },
      onTrouble: () => undefined,
    });
    await feed.tidy();
    const partitions = async () =>
      (
        await server!.query(
          "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'waybill.outbox_sent'::regclass",
          url,
        )
      ).map(({ name }) => String(name));
    expect((await partitions()).filter((name) => /_\d+_\d+$/.test(name))).toHaveLength(1);
    await server!.query(
      "CREATE TABLE waybill.outbox_sent_0_1000 PARTITION OF waybill.outbox_sent FOR VALUES FROM (to_timestamp(0)) TO (to_timestamp(1))",
      url,
    );
    await feed.tidy();
    expect((await partitions()).some((name) => name.includes("outbox_sent_0_1000"))).toBe(false);
    await write(1);
    await feed.lease(() => false);
    const rows = await feed.claim({ max: 10, maxBytes: 1e6, skip: new Set(), exceptTopics: new Set() });
    await feed.mark(rows);
    expect(await server!.query("SELECT topic FROM waybill.outbox_sent", url)).toEqual([{ topic: "notes" }]);
    await feed.release(true);
    expect(recorder.data).toEqual([]);
  });
});
