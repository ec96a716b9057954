import { createInbox, createOutbox, createRelay } from "@waybill/outbox";
import { eventually, Recorder } from "@waybill/outbox/conformance";
import { type PostgresOptions, postgres } from "@waybill/outbox/postgres";
import { Client, Pool, types } from "pg";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { testPostgres } from "../postgres/test-postgres.ts";
import { transactionOf } from "./pool-transaction.fixture.ts";

const server = await testPostgres("outbox on PostgreSQL: settings of the application");
afterAll(() => server?.stop());

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A database of which each session begins with these settings. */
async function databaseWith(settings: Readonly<Record<string, string>>): Promise<string> {
  const url = await server!.database();
  for (const [name, value] of Object.entries(settings)) {
    await server!.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET ${name} = '${value}'`);
  }
  return url;
}

function opened(connectionString: string, options: Partial<PostgresOptions> = {}) {
  const store = postgres({ connectionString, ...options });
  closing.push(() => store.close());
  return { store, outbox: createOutbox({ store, source: "/settings" }) };
}

const event = (id: string, partitionkey?: string, data: unknown = id) => ({
  specversion: "1.0" as const,
  id,
  source: "/s",
  type: "t",
  ...(partitionkey === undefined ? {} : { partitionkey }),
  data,
});

/** A session of the test's own. */
async function session(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  closing.push(() => client.end());
  return client;
}

describe.skipIf(!server)("settings of the application", () => {
  test("a date style of the database's, and parsers of the application's own, do not change what operators see", async () => {
    const url = await databaseWith({ datestyle: "SQL, DMY", timezone: "Asia/Kolkata", bytea_output: "escape" });
    const { store, outbox } = opened(url);
    const [timestamptz, int8, int2] = [1184, 20, 21] as const;
    const parsers = [timestamptz, int8, int2].map((oid) => [oid, types.getTypeParser(oid)] as const);
    closing.push(async () => {
      for (const [oid, parser] of parsers) types.setTypeParser(oid, parser);
    });
    for (const oid of [timestamptz, int2]) types.setTypeParser(oid, (text) => text);
    types.setTypeParser(int8, (text) => BigInt(text));
    const recorder = new Recorder();
    recorder.refuse = ({ data }) => (data === "bad" ? new Error("no") : undefined);
    const retry = { attempts: 2, initialMs: 5 };
    const relay = createRelay({ store, publisher: recorder, retry, onPoison: "halt-key" });
    closing.push(() => relay.close());
    await relay.start();
    const startedMs = Date.now();
    await outbox.transaction((tx) => outbox.publishRaw(tx, "notes", [event("bad", "k"), event("good", "other")]));
    await eventually(async () => (await store.counts()).dead === 1);
    const [dead] = await outbox.dead.list();
    expect(dead!.deadAtMs).toBeGreaterThan(startedMs - 60_000);
    expect(dead!.deadAtMs).toBeLessThan(Date.now() + 60_000);
    const { relays } = await store.overview();
    expect(relays).toMatchObject([{ owner: relay.status().owner, buckets: 64 }]);
    expect(relays[0]!.untilMs).toBeGreaterThan(startedMs);
    expect(await outbox.dead.retry(dead!.position)).toBe(1);
    await recorder.count(1);
  });

  test.each([
    ["UTF8", "can’t: \ufffd …é"],
    ["LATIN1", "can?t: ? ??"],
  ])("what a broker says and %s cannot hold keeps no event waiting", async (encoding, kept) => {
    const database = `in_${encoding.toLowerCase()}`;
    await server!.query(`CREATE DATABASE ${database} ENCODING '${encoding}' LOCALE 'C' TEMPLATE template0`);
    const { store, outbox } = opened(server!.url.replace(/postgres$/, database));
    const recorder = new Recorder();
    recorder.refuse = ({ data }) => (data === "bad" ? new Error("can’t: \0 …é") : undefined);
    const relay = createRelay({ store, publisher: recorder, retry: { attempts: 2, initialMs: 5 } });
    closing.push(() => relay.close());
    await relay.start();
    const put = (id: string) => outbox.transaction((tx) => outbox.publishRaw(tx, "notes", event(id, id)));
    await put("good");
    await recorder.count(1);
    await put("bad");
    await eventually(async () => (await store.counts()).dead === 1);
    await put("after");
    await recorder.count(2);
    expect((await outbox.dead.list()).map(({ error }) => error)).toEqual([kept]);
  });

  test("under another isolation by default, processes that migrate at once wait for each other", async () => {
    const url = await databaseWith({ default_transaction_isolation: "repeatable read" });
    const stores = Array.from({ length: 5 }, () => opened(url).store);
    const applied = await Promise.all(stores.map((store) => store.migrations.apply()));
    expect(applied.flat()).toEqual([1]);
  });

  test("under another isolation by default, an operator sees what a relay has just settled", async () => {
    const url = await databaseWith({ default_transaction_isolation: "repeatable read" });
    const { store, outbox } = opened(url);
    await store.open();
    const other = await session(url);
    const dead = (
      pos: number,
    ) => `INSERT INTO waybill.outbox_dead (pos, bucket, topic, key, event, attempts, reason, error, dead_at, halts)
      VALUES (${pos}, 1, 'notes', 'k', '{}', 1, 'refused', 'no', now(), true)`;
    await other.query(dead(1));
    await other.query(
      "INSERT INTO waybill.outbox_retry (pos, bucket, topic, key, event, attempts) VALUES (3, 1, 'notes', 'k', '{}', 0)",
    );
    // As a relay does that gives up a second event of the key.
    await other.query("BEGIN ISOLATION LEVEL READ COMMITTED");
    await other.query("SELECT 1 FROM waybill.outbox_lease WHERE bucket = 1 FOR NO KEY UPDATE");
    await other.query(dead(2));
    const discarding = outbox.dead.discard(1);
    const waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    await eventually(async () => (await server!.query(waiting, url)).length > 0);
    await other.query("COMMIT");
    expect(await discarding).toBe(1);
    const { rows } = await other.query("SELECT next_at FROM waybill.outbox_retry");
    expect(rows).toEqual([{ next_at: null }]);
  });

  test("limits of time for the application's statements do not hold for the relay's own", async () => {
    const url = await databaseWith({ statement_timeout: "200ms", lock_timeout: "200ms" });
    const { store, outbox } = opened(url);
    await store.open();
    // From PostgreSQL 17 on.
    await server!.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET transaction_timeout = '200ms'`);
    const troubles: unknown[] = [];
    const recorder = new Recorder();
    const relay = createRelay({
      store,
      publisher: recorder,
      observer: { trouble: ({ error }) => troubles.push(error) },
    });
    closing.push(() => relay.close());
    await relay.start();
    const other = await session(url);
    await other.query("SET transaction_timeout = 0");
    await other.query("BEGIN; LOCK TABLE waybill.outbox IN SHARE MODE");
    await other.query("SELECT pg_sleep(0.1)");
    await other.query("ROLLBACK");
    await outbox.transaction((tx) => outbox.publishRaw(tx, "notes", event("1")));
    await recorder.count(1);
    await other.query("BEGIN; LOCK TABLE waybill.outbox IN ACCESS EXCLUSIVE MODE");
    await new Promise((resolve) => setTimeout(resolve, 600));
    await other.query("COMMIT");
    expect(troubles).toEqual([]);
  });

  test.each(["the store", "the application"])(
    "an event that another has in hand is busy once lock_timeout is over, in a transaction of %s",
    async (whose) => {
      const url = await databaseWith({ lock_timeout: "100ms" });
      const pool = new Pool({ connectionString: url });
      closing.push(() => pool.end());
      const { store } = opened(url, whose === "the store" ? {} : { transaction: transactionOf(pool) });
      const inbox = createInbox({ store });
      const key = { topic: "t", subscription: "s", source: "/s", id: "1" };
      const never = new AbortController().signal;
      let meanwhile: unknown;
      await inbox.process(
        key,
        async () => {
          meanwhile = await inbox.process(key, async () => undefined, never);
        },
        never,
      );
      expect(meanwhile).toBe("busy");
      const stuck = Object.assign(new Error("canceling"), { code: "55P03", severity: "ERROR" });
      const failing = inbox.process({ ...key, id: "2" }, () => Promise.reject(stuck), never);
      await expect(failing).rejects.toBe(stuck);
    },
  );

  test("many large events go in statements of bearable size, in order", async () => {
    const { store, outbox } = opened(await server!.database());
    const recorder = new Recorder();
    const relay = createRelay({ store, publisher: recorder });
    closing.push(() => relay.close());
    await relay.start();
    let statements = 0;
    const large = "x".repeat(1024 * 1024);
    await outbox.transaction(async (tx) => {
      const spied = vi.spyOn(tx, "query");
      const events = Array.from({ length: 40 }, (_, i) => event(`${i}`, "k", large));
      await outbox.publishRaw(tx, "notes", events);
      statements = spied.mock.calls.length;
      spied.mockRestore();
    });
    expect(statements).toBe(3);
    await recorder.count(40);
    expect(recorder.taken.map((taken) => Number(taken.event.id))).toEqual(Array.from({ length: 40 }, (_, i) => i));
  });

  test("retention waits for a handler, and forgets nothing of what it has recorded meanwhile", async () => {
    const url = await server!.database();
    const { store } = opened(url);
    const inbox = createInbox({ store });
    const dayMs = 86_400_000;
    // A day of ids that is over: one was seen then, another is redelivered just now.
    const time = (Date.now() - 3 * dayMs).toString(16).padStart(12, "0");
    const id = (n: number) => `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${n.toString().padStart(12, "0")}`;
    const key = (n: number) => ({ topic: "t", subscription: "s", source: "/s", id: id(n) });
    const never = new AbortController().signal;
    await inbox.process(key(1), async () => undefined, never);
    await server!.query("UPDATE waybill.inbox SET seen_at = now() - interval '3 days'", url);
    let pruning: Promise<number> | undefined;
    await inbox.process(
      key(2),
      async () => {
        pruning = inbox.prune({ olderThanMs: dayMs });
        const waiting =
          "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        await eventually(async () => (await server!.query(waiting, url)).length > 0);
      },
      never,
    );
    await pruning;
    expect(await inbox.process(key(2), async () => undefined, never)).toBe("duplicate");
  });
});
