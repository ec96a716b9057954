import { randomUUID } from "node:crypto";
import { createInbox, type StoreInbox } from "@waybill/outbox";
import { mysql } from "@waybill/outbox/mysql";
import { postgres } from "@waybill/outbox/postgres";
import { createPool, type PoolConnection } from "mysql2/promise";
import { Pool, type PoolClient } from "pg";
import { startMariadb } from "../mariadb/start-mariadb.ts";
import { startPostgres } from "../postgres/start-postgres.ts";
import { type BenchOptions, median, type Result } from "./result.ts";

const ACCOUNTS = 1_000;
const BATCH = 100;
const { signal } = new AbortController();

/** One database: a bare transaction with the handler in it, an inbox over the same number of connections, one statement for a whole batch. */
interface Database {
  readonly name: string;
  readonly inbox: StoreInbox<never>;
  /** The handler: one UPDATE. */
  handle(tx: never, account: number): Promise<unknown>;
  /** The handler of a batch: one UPDATE for all. */
  handleAll(tx: never, accounts: readonly number[]): Promise<unknown>;
  bare(account: number): Promise<void>;
  /** Fills the inbox with days of ids and answers how long forgetting one of them took. */
  retention(ids: number): Promise<{ dropMs: number; deleteMs: number }>;
  close(): Promise<void>;
}

/** The idempotent consumer: what it costs beside the same handler without it, in one run on one machine, on a server that waits for its disk. */
export async function run({ quick, progress }: BenchOptions): Promise<Result[]> {
  const results: Result[] = [];
  const add = (name: string, value: number, unit: string, aim?: number, higherIsBetter = true) => {
    results.push({ name, value, unit, higherIsBetter, ...(aim === undefined ? {} : { aim }) });
    progress(`${name}: ${value} ${unit}`);
  };
  for (const open of [onPostgres, onMariadb]) {
    for (const connections of [1, 8]) {
      const db = await open(connections);
      const of = `${db.name}, ${connections} connection${connections === 1 ? "" : "s"}`;
      try {
        const bare: number[] = [];
        const withInbox: number[] = [];
        const ratios: number[] = [];
        // In turns, so that what else the machine does meets both.
        for (let round = 0; round < (quick ? 3 : 9); round++) {
          bare.push(await perSecond(connections, quick ? 200 : 1_000, (i) => db.bare(i)));
          withInbox.push(await perSecond(connections, quick ? 200 : 1_000, (i) => one(db, i)));
          ratios.push(withInbox.at(-1)! / bare.at(-1)!);
        }
        add(`${of}: handler transaction`, Math.round(median(bare)), "events/s");
        add(`${of}: with the inbox`, Math.round(median(withInbox)), "events/s");
        add(`${of}: with the inbox, ratio`, round2(median(ratios)), "×", 0.75);
        if (connections === 1) {
          const batches: number[] = [];
          for (let round = 0; round < (quick ? 2 : 5); round++) {
            batches.push(BATCH * (await perSecond(1, quick ? 30 : 200, (i) => many(db, i))));
          }
          add(`${of}: batches of ${BATCH}`, Math.round(median(batches)), "events/s", 50_000);
          const { dropMs, deleteMs } = await db.retention(quick ? 20_000 : 300_000);
          add(
            `${db.name}: forgetting a day of ${quick ? 20_000 : 300_000} ids, by partition`,
            round2(dropMs),
            "ms",
            undefined,
            false,
          );
          add(`${db.name}: the same by DELETE`, round2(deleteMs), "ms", undefined, false);
          add(`${db.name}: partition against DELETE`, round2(deleteMs / dropMs), "×");
        }
      } finally {
        await db.close();
      }
    }
  }
  return results;
}

const round2 = (value: number) => Math.round(value * 100) / 100;
const keyOf = (id: string) => ({ topic: "orders", subscription: "billing", source: "/bench", id });

/** A UUID version 7, as the events of Waybill have. */
function newEventId(): string {
  const time = Date.now().toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

async function one(db: Database, i: number): Promise<void> {
  await db.inbox.process(keyOf(newEventId()), (tx) => db.handle(tx, i % ACCOUNTS) as Promise<void>, signal);
}

async function many(db: Database, i: number): Promise<void> {
  const items = Array.from({ length: BATCH }, (_, j) => ({
    key: keyOf(newEventId()),
    account: (i * BATCH + j) % ACCOUNTS,
  }));
  const outcomes = await db.inbox.processBatch(
    items,
    async (tx, fresh) =>
      void (await db.handleAll(
        tx,
        fresh.map(({ account }) => account),
      )),
    signal,
  );
  if (outcomes.some(({ kind }) => kind !== "processed")) throw new Error("A batch was not processed.");
}

/** Rate of `count` calls, so many at once. */
async function perSecond(atOnce: number, count: number, work: (i: number) => Promise<void>): Promise<number> {
  let next = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < count) await work(next++);
    }),
  );
  return (count / (performance.now() - started)) * 1_000;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function onPostgres(connections: number): Promise<Database> {
  const server = await startPostgres({ fsync: true });
  const pool = new Pool({ connectionString: server.url, max: connections });
  await pool.query("CREATE TABLE account (id INT PRIMARY KEY, total INT NOT NULL) WITH (fillfactor = 50)");
  await pool.query(`INSERT INTO account SELECT i, 0 FROM generate_series(0, ${ACCOUNTS - 1}) i`);
  const store = postgres({ pool });
  await store.open();
  const update = { name: "update", text: "UPDATE account SET total = total + 1 WHERE id = $1" };
  const updateAll = { name: "update_all", text: "UPDATE account SET total = total + 1 WHERE id = ANY ($1::int[])" };
  return {
    name: "PostgreSQL",
    inbox: createInbox({ store }) as unknown as StoreInbox<never>,
    handle: (tx: PoolClient, account: number) => tx.query({ ...update, values: [account] }),
    handleAll: (tx: PoolClient, accounts: readonly number[]) => tx.query({ ...updateAll, values: [accounts] }),
    async bare(i) {
      const client = await pool.connect();
      await client.query("BEGIN");
      await client.query({ ...update, values: [i % ACCOUNTS] });
      await client.query("COMMIT");
      client.release();
    },
    async retention(ids) {
      const fill = (day: number) =>
        pool.query(
          `INSERT INTO waybill.inbox (key, slot, seen_at)
           SELECT sha256(('${day} ' || i)::bytea), ((extract(epoch FROM now())::bigint / 86400 - ${day}) % 32)::smallint, now() - interval '${day} days'
           FROM generate_series(1, ${ids}) i`,
        );
      await fill(4);
      await fill(5);
      const dropMs = await timed(() => store.inbox.prune(4.5 * 86_400_000));
      const deleteMs = await timed(() =>
        pool.query("DELETE FROM waybill.inbox WHERE seen_at < now() - interval '3 days'"),
      );
      return { dropMs, deleteMs };
    },
    async close() {
      await store.close();
      await pool.end();
      await server.stop();
    },
  } as Database;
}

async function onMariadb(connections: number): Promise<Database> {
  const server = await startMariadb({ fsync: true });
  const url = await server.database();
  const pool = createPool({ uri: url, connectionLimit: connections });
  await pool.query("CREATE TABLE account (id INT PRIMARY KEY, total INT NOT NULL) ENGINE=InnoDB");
  await pool.query("INSERT INTO account VALUES ?", [Array.from({ length: ACCOUNTS }, (_, i) => [i, 0])]);
  const store = mysql({ url, maxConnections: connections });
  await store.open();
  return {
    name: "MariaDB",
    inbox: createInbox({ store }) as unknown as StoreInbox<never>,
    handle: (tx: PoolConnection, account: number) =>
      tx.execute("UPDATE account SET total = total + 1 WHERE id = ?", [account]),
    handleAll: (tx: PoolConnection, accounts: readonly number[]) =>
      tx.query("UPDATE account SET total = total + 1 WHERE id IN (?)", [accounts]),
    async bare(i) {
      const connection = await pool.getConnection();
      await connection.beginTransaction();
      await connection.execute("UPDATE account SET total = total + 1 WHERE id = ?", [i % ACCOUNTS]);
      await connection.commit();
      connection.release();
    },
    async retention(ids) {
      const dayMs = 86_400_000;
      const today = Math.floor(Date.now() / dayMs) * dayMs;
      // Two days of the past as partitions of their own, as they are when time has gone by.
      const day = (n: number) => (today - n * dayMs).toString(16).padStart(12, "0");
      const name = (n: number) =>
        `before_${new Date(today - n * dayMs).toISOString().slice(0, 10).replaceAll("-", "")}`;
      await pool.query(
        `ALTER TABLE inbox REORGANIZE PARTITION later INTO (
           PARTITION ${name(4)} VALUES LESS THAN (x'${day(4)}'), PARTITION ${name(3)} VALUES LESS THAN (x'${day(3)}'),
           PARTITION later VALUES LESS THAN (MAXVALUE))`,
      );
      // The days to come, so that only the forgetting is timed.
      await store.inbox.prune(10 * dayMs);
      for (const n of [5, 4]) {
        await pool.query(
          `INSERT INTO inbox (id, seen_at) SELECT CONCAT(UNHEX(LPAD(HEX(${today - n * dayMs} + seq), 12, '0')), UNHEX(SHA1(seq))), ${today - n * dayMs} + seq FROM seq_1_to_${ids}`,
        );
      }
      const dropMs = await timed(() => store.inbox.prune(Date.now() - (today - 4 * dayMs)));
      const deleteMs = await timed(() => pool.query("DELETE FROM inbox WHERE seen_at < ?", [today - 3 * dayMs]));
      return { dropMs, deleteMs };
    },
    async close() {
      await store.close();
      await pool.end();
      await server.stop();
    },
  } as Database;
}
