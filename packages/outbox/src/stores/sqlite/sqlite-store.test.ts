import { AsyncLocalStorage } from "node:async_hooks";
import { spawnSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { defineEvent, defineTopic } from "@waybill/core";
import { systemClock } from "@waybill/core/spi";
import { ManualClock } from "@waybill/core/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Recorder } from "../../conformance/recorder.ts";
import { createOutbox } from "../../outbox.ts";
import { createRelay } from "../../relay/relay.ts";
import type { Store } from "../../store.ts";
import { type SqliteOptions, sqlite } from "./index.ts";

const noted = defineEvent("test.noted");
const notes = defineTopic("notes", [noted]);

let folder: string;
let path: string;
const stores: Store<DatabaseSync>[] = [];

function open(options: Partial<SqliteOptions> = {}): Store<DatabaseSync> {
  const store = sqlite({ path, ...options });
  stores.push(store);
  return store;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "waybill-sqlite-"));
  path = join(folder, "store.db");
});

afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  await rm(folder, { recursive: true });
});

const code = async (run: () => unknown) => {
  try {
    await run();
  } catch (error) {
    return (error as { code?: string }).code;
  }
  return undefined;
};

/** Takes the right to write the file away, from root too; answers how to give it back, or nothing where that cannot be done. */
function lock(file: string): (() => void) | undefined {
  if (process.getuid?.() !== 0) {
    chmodSync(file, 0o444);
    return () => chmodSync(file, 0o644);
  }
  const { status } = spawnSync("chattr", ["+i", file], { stdio: "ignore" });
  return status === 0 ? () => spawnSync("chattr", ["-i", file]) : undefined;
}

describe("the file", () => {
  test("what cannot be a database file is refused with a hint", async () => {
    expect(await code(() => open({ path: ":memory:" }))).toBe("WB_STORE_PATH");
    expect(await code(() => open({ path: folder }))).toBe("WB_STORE_PATH");
    expect(await code(() => open({ path: join(folder, "no", "store.db") }))).toBe("WB_STORE_PATH");
    await writeFile(join(folder, "file"), "no database, only text. ".repeat(50));
    expect(await code(() => open({ path: join(folder, "file", "store.db") }))).toBe("WB_STORE_PATH");
    expect(await code(() => open({ path: join(folder, "file") }).open())).toBe("WB_STORE_NOT_A_DATABASE");
    expect(await code(() => open({ path: `${path}\0` }))).toBe("WB_STORE_PATH");
    expect(await code(() => open({ path: join(folder, "n".repeat(300)) }))).toBe("WB_STORE_PATH");
    expect(await code(() => sqlite({} as never))).toBe("WB_OUTBOX_OPTION");
    // A folder that not even root can write.
    expect(await code(() => open({ path: "/proc/store.db" }).open())).toBe("WB_STORE_PATH");
  });

  test("a write-ahead log that cannot be made is refused", async () => {
    new DatabaseSync(path).close();
    await mkdir(`${path}-journal`);
    await mkdir(`${path}-wal`);
    expect(await code(() => open().open())).toMatch(/^WB_STORE_/);
  });

  test("a file that may not be written is refused at opening, and taken once it may", async (context) => {
    // A database that exists with its log: SQLite itself would open it for reading, and only writing would fail.
    const first = open();
    await createOutbox({ store: first, source: "/s" }).transaction(() => undefined);
    await first.close();
    const unlock = lock(path);
    if (unlock === undefined) return context.skip("the file's permissions cannot be taken away here");
    const store = open();
    const outbox = createOutbox({ store, source: "/s" });
    const publish = () => outbox.transaction((tx) => outbox.publish(tx, notes, noted(1)));
    try {
      expect(await code(() => store.open())).toBe("WB_STORE_READ_ONLY");
      expect(await code(publish)).toBe("WB_STORE_READ_ONLY");
      expect(await code(() => createRelay({ store, publisher: new Recorder() }).start())).toBe("WB_STORE_READ_ONLY");
    } finally {
      unlock();
    }
    await publish();
    expect(await store.counts()).toMatchObject({ waiting: 1 });
  });

  test("a connection that can only read is given up, so that a later try works", async () => {
    const store = open();
    const outbox = createOutbox({ store, source: "/s" });
    const publish = (tx: DatabaseSync) => outbox.publish(tx, notes, noted(1));
    const onlyRead = (tx: DatabaseSync) => tx.exec("PRAGMA query_only = ON");
    await store.transaction(onlyRead);
    expect(await code(() => outbox.transaction(publish))).toBe("WB_STORE_READ_ONLY");
    await outbox.transaction(publish);
    const both = outbox.transaction((tx) => {
      onlyRead(tx);
      return publish(tx);
    });
    expect(await code(() => both)).toBe("WB_STORE_READ_ONLY");
    await outbox.transaction(publish);
    expect(await store.counts()).toMatchObject({ waiting: 2 });
  });

  test("a full disk is told to whoever writes, in whichever way", async () => {
    const store = open();
    const outbox = createOutbox({ store, source: "/s" });
    const feed = await store.feed({
      owner: "o",
      leaseMs: 5_000,
      pollMs: 50,
      keepSentMs: 0,
      clock: systemClock,
      onTrouble: () => undefined,
    });
    await feed.lease(() => false);
    await outbox.transaction((tx) => outbox.publish(tx, notes, noted("first")));
    const [row] = await feed.claim({ max: 1, maxBytes: 1e6, skip: new Set(), exceptTopics: new Set() });
    await store.transaction((tx) => {
      tx.exec(`PRAGMA max_page_count = ${tx.prepare("PRAGMA page_count").get()?.page_count}`);
    });
    const large = "x".repeat(100_000);
    expect(await code(() => outbox.transaction((tx) => outbox.publish(tx, notes, noted(large))))).toBe("WB_STORE_DISK");
    const failure = { kind: "retry", row: row!, attempts: 1, delayMs: 0, error: large } as const;
    expect(await code(() => feed.settle([failure]))).toBe("WB_STORE_DISK");
    expect(await store.counts()).toMatchObject({ waiting: 1, parked: 0 });
  });

  test("a newer schema and foreign tables are refused, and left alone", async () => {
    await open().open();
    const db = new DatabaseSync(path);
    db.exec("INSERT INTO waybill_schema VALUES (99, '')");
    db.close();
    await stores.splice(0)[0]!.close();
    expect(await code(() => open().open())).toBe("WB_STORE_SCHEMA_NEWER");

    const other = join(folder, "other.db");
    const theirs = new DatabaseSync(other);
    theirs.exec("CREATE TABLE inbox (mail TEXT); PRAGMA user_version = 5");
    expect(await code(() => open({ path: other }).open())).toBe("WB_STORE_TABLE_TAKEN");
    expect(theirs.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.n).toBe(1);
    theirs.close();
  });

  test("the application's user_version stays its own", async () => {
    const db = new DatabaseSync(path);
    db.exec("PRAGMA user_version = 7");
    await open().open();
    expect(db.prepare("PRAGMA user_version").get()?.user_version).toBe(7);
    db.close();
  });

  test("a closed store says so", async () => {
    const store = open();
    await store.close();
    expect(await code(() => store.transaction(() => undefined))).toBe("WB_STORE_CLOSED");
    expect(await code(() => store.open())).toBe("WB_STORE_CLOSED");
  });
});

describe("the application's own connection", () => {
  test("publishes inside its transaction, and only there", async () => {
    const store = open();
    await store.open();
    const outbox = createOutbox({ store, source: "/s" });
    const db = new DatabaseSync(path);
    expect(await code(() => outbox.publish(db, notes, noted(1)))).toBe("WB_OUTBOX_NO_TRANSACTION");
    db.exec("BEGIN IMMEDIATE");
    await outbox.publish(db, notes, noted(2));
    expect(await store.counts()).toMatchObject({ waiting: 0 });
    db.exec("COMMIT");
    expect(await store.counts()).toMatchObject({ waiting: 1 });
    db.exec("BEGIN IMMEDIATE");
    await outbox.publish(db, notes, noted(3));
    db.exec("ROLLBACK");
    expect(await store.counts()).toMatchObject({ waiting: 1 });
    db.close();
    expect(await code(() => outbox.publish(db, notes, noted(4)))).toBe("WB_OUTBOX_HANDLE");
  });

  test("has its rows written when the call returns, even if nobody waits", async () => {
    const store = open();
    const outbox = createOutbox({ store, source: "/s" });
    const db = new DatabaseSync(path);
    db.exec("BEGIN IMMEDIATE");
    const promise = outbox.publish(db, notes, noted(1));
    db.exec("COMMIT");
    await promise;
    db.close();
    expect(await store.counts()).toMatchObject({ waiting: 1 });
  });

  test("wakes a relay, as another process's commit does", async () => {
    const store = open();
    const recorder = new Recorder();
    await using relay = createRelay({ store, publisher: recorder });
    await relay.start();
    await createOutbox({ store, source: "/s" }).transaction(() => undefined);
    const db = new DatabaseSync(path);
    db.exec(`INSERT INTO outbox (bucket, topic, event) VALUES (0, 'notes', '{"data":"from afar"}')`);
    db.close();
    await recorder.count(1);
    expect(recorder.data).toEqual(["from afar"]);
  });

  test("makes the outbox in the same transaction where there is none yet", async () => {
    const store = open();
    const outbox = createOutbox({ store, source: "/s" });
    const db = new DatabaseSync(path);
    for (const end of ["ROLLBACK", "COMMIT"]) {
      db.exec("BEGIN IMMEDIATE");
      await outbox.publish(db, notes, noted(end));
      db.exec(end);
    }
    db.close();
    expect(await store.counts()).toMatchObject({ waiting: 1 });
  });

  test("on another file, or no connection at all, is refused", async () => {
    const outbox = createOutbox({ store: open(), source: "/s" });
    const db = new DatabaseSync(join(folder, "other.db"));
    db.exec("BEGIN");
    expect(await code(() => outbox.publish(db, notes, noted(1)))).toBe("WB_OUTBOX_HANDLE");
    expect(await code(() => outbox.publish({} as never, notes, noted(1)))).toBe("WB_OUTBOX_HANDLE");
    expect(await code(() => outbox.publish(undefined as never, notes, noted(1)))).toBe("WB_OUTBOX_HANDLE");
    db.close();
  });
});

describe("transactions", () => {
  test("one inside another is refused instead of waiting for itself", async () => {
    const store = open();
    expect(await code(() => store.transaction(() => store.transaction(() => undefined)))).toBe("WB_STORE_NESTED");
    const other = open({ path: join(folder, "other.db") });
    await store.transaction(() => other.transaction(() => undefined));
    expect(await code(() => store.transaction(() => other.transaction(() => store.transaction(() => 1))))).toBe(
      "WB_STORE_NESTED",
    );
  });

  test("ending it by hand is an error, and the next one works", async () => {
    const store = open();
    expect(await code(() => store.transaction((db) => db.exec("COMMIT")))).toBe("WB_STORE_TRANSACTION_ENDED");
    expect(await code(() => store.transaction((db) => db.close()))).toBe("WB_STORE_TRANSACTION_ENDED");
    expect(await store.transaction((db) => db.prepare("SELECT 7 AS n").get()?.n)).toBe(7);
  });

  test("of a shared commit, a rollback by hand fails all that were in it", async () => {
    // Time stands still, so that they do share one, however slow the machine.
    const store = open({ clock: new ManualClock() });
    await store.transaction((db) => db.exec("CREATE TABLE t (n INTEGER)"));
    const results = await Promise.allSettled([
      store.transaction((db) => db.exec("INSERT INTO t VALUES (1)")),
      store.transaction((db) => db.exec("ROLLBACK")),
      store.transaction((db) => db.exec("INSERT INTO t VALUES (3)")),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
    expect(
      await store.transaction((db) =>
        db
          .prepare("SELECT n FROM t")
          .all()
          .map(({ n }) => n),
      ),
    ).toEqual([3]);
  });

  test("a lock held for too long by another connection is an error, and blocks no timer", async () => {
    const store = open({ busyTimeoutMs: 100 });
    await store.open();
    const db = new DatabaseSync(path);
    db.exec("BEGIN IMMEDIATE");
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    expect(await code(() => store.transaction(() => undefined))).toBe("WB_STORE_BUSY");
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(1);
    db.exec("COMMIT");
    db.close();
    await store.transaction(() => undefined);
  });

  test("each runs in its caller's asynchronous context", async () => {
    const store = open();
    const trace = new AsyncLocalStorage<number>();
    const seen = await Promise.all([1, 2, 3].map((n) => trace.run(n, () => store.transaction(() => trace.getStore()))));
    expect(seen).toEqual([1, 2, 3]);
  });

  test("published rows can be kept for a while", async () => {
    const store = open();
    const outbox = createOutbox({ store, source: "/s" });
    const feed = await store.feed({
      owner: "o",
      leaseMs: 5_000,
      pollMs: 50,
      keepSentMs: 20,
      clock: systemClock,
      onTrouble: () => undefined,
    });
    await feed.lease(() => false);
    await outbox.transaction((tx) => outbox.publish(tx, notes, noted("kept")));
    const rows = await feed.claim({ max: 10, maxBytes: 1e6, skip: new Set(), exceptTopics: new Set() });
    await feed.mark(rows);
    const kept = () => store.transaction((db) => db.prepare("SELECT event FROM outbox_sent").all().length);
    await feed.tidy();
    expect([await kept(), (await store.counts()).waiting]).toEqual([1, 0]);
    await new Promise((resolve) => setTimeout(resolve, 25));
    await feed.tidy();
    expect(await kept()).toBe(0);
  });

  test("positions are never used again, so that no reader passes over a new row", async () => {
    const store = open();
    const outbox = createOutbox({ store, source: "/s" });
    const positions: number[] = [];
    for (let i = 0; i < 2; i++) {
      await outbox.transaction((tx) => outbox.publish(tx, notes, noted(i)));
      await store.transaction((db) => {
        positions.push(Number(db.prepare("DELETE FROM outbox RETURNING pos").get()?.pos));
      });
    }
    expect(positions[1]).toBe(positions[0]! + 1);
    // By the time, so that a table that is made anew goes on above one that was dropped.
    expect(positions[0]).toBeGreaterThan((Date.now() - 60_000) * 10);
  });
});
