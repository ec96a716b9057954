import { inspect } from "node:util";
import { isWaybillError } from "@waybill/core";
import { createInbox, createOutbox, createRelay } from "@waybill/outbox";
import { eventually, Recorder } from "@waybill/outbox/conformance";
import { type MysqlOptions, mysql } from "@waybill/outbox/mysql";
import { createConnection } from "mysql2/promise";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { startMariadb } from "../mariadb/start-mariadb.ts";
import { startOrSkip } from "../servers/unavailable.ts";

const server = await startOrSkip("outbox on MariaDB: faults", startMariadb);
afterAll(() => server?.stop());

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function started(options: Partial<MysqlOptions> & { relay?: boolean } = {}) {
  const { relay: withRelay = true, url = await server!.database(), ...storeOptions } = options;
  const store = mysql({ url, ...storeOptions });
  closing.push(() => store.close());
  await store.open();
  const recorder = new Recorder();
  const troubles: string[] = [];
  const start = async () => {
    const relay = createRelay({
      store,
      publisher: recorder,
      leaseMs: 1_000,
      observer: { trouble: ({ error }) => troubles.push(isWaybillError(error) ? error.code : String(error)) },
    });
    closing.push(() => relay.close());
    await relay.start();
    return relay;
  };
  if (withRelay) await start();
  const outbox = createOutbox({ store, source: "/faults" });
  const write = (id: number, data: unknown = id) =>
    outbox.transaction((tx) =>
      outbox.publishRaw(tx, "notes", {
        specversion: "1.0",
        id: `${id}`,
        source: "/f",
        type: "t",
        partitionkey: "k",
        data,
      }),
    );
  return { url, store, recorder, troubles, write, start };
}

const distinct = (recorder: Recorder) => [...new Set(recorder.data)];
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);

/** A connection of the test's own, whose session holds locks. */
async function session(url: string) {
  const connection = await createConnection(url);
  closing.push(() => connection.end());
  return connection;
}

describe.skipIf(server === undefined)("faults of MariaDB", () => {
  test("connections that are ended and a server that restarts cost nothing", async () => {
    const { url, recorder, write, store } = await started();
    let n = 0;
    const writeSome = async () => {
      for (let i = 0; i < 20; i++) await write(n++);
    };
    await writeSome();
    const troubles = server!.isOurs ? (["connections", "fast", "connections", "crash"] as const) : ["connections"];
    for (const trouble of troubles) {
      if (trouble === "connections") await server!.killConnections(url);
      else {
        await server!.halt(trouble as "fast" | "crash");
        await server!.resume();
      }
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
  });

  test("a connection that is lost in the middle of a claim is said, and nothing is passed over", async () => {
    const { url, recorder, troubles, write } = await started();
    await write(0);
    await recorder.count(1);
    const locker = await session(url);
    await locker.query("LOCK TABLES outbox_scheduled WRITE");
    for (let i = 1; i <= 50; i++) await write(i);
    const waiting = async () =>
      server!.query(
        `SELECT id FROM information_schema.processlist WHERE db = '${new URL(url).pathname.slice(1)}' AND state LIKE 'Waiting for table%'`,
      );
    await eventually(async () => (await waiting()).length > 0);
    for (const { id } of await waiting()) await server!.query(`KILL CONNECTION ${id}`);
    await eventually(() => troubles.includes("WB_MYSQL_CONNECTION"));
    await locker.query("UNLOCK TABLES");
    await recorder.count(51);
    expect(recorder.data).toEqual(upTo(51));
  });

  test("a transaction whose connection is lost is undone, and says so", async () => {
    const { url, store, write } = await started({ relay: false });
    await write(0);
    const cut = store.transaction(async (tx) => {
      const { threadId } = tx as unknown as { threadId: number };
      await server!.query(`KILL CONNECTION ${threadId}`, url);
      await tx.query("SELECT 1");
    });
    await expect(cut).rejects.toThrow();
    const atCommit = store.transaction(async (tx) => {
      const { threadId } = tx as unknown as { threadId: number };
      await server!.query(`KILL CONNECTION ${threadId}`, url);
    });
    await expect(atCommit).rejects.toMatchObject({ code: "WB_MYSQL_COMMIT_UNKNOWN" });
    expect(await store.counts()).toMatchObject({ waiting: 1 });
  });

  test("work that turns autocommit on takes it to no later transaction of its connection", async () => {
    const { url, store } = await started({ relay: false, maxConnections: 1 });
    await server!.query("CREATE TABLE note (id INT PRIMARY KEY) ENGINE=InnoDB", url);
    const insert = (id: number) =>
      store.transaction(async (tx) => {
        await tx.query("INSERT INTO note VALUES (?)", [id]);
        throw new Error("undone");
      });
    await store.transaction((tx) => tx.query("SET autocommit = 1"));
    await expect(insert(1)).rejects.toThrow("undone");
    const failing = store.transaction(async (tx) => {
      await tx.query("SET autocommit = 1");
      throw new Error("undone");
    });
    await expect(failing).rejects.toThrow("undone");
    await expect(insert(2)).rejects.toThrow("undone");
    expect(await server!.query("SELECT * FROM note", url)).toEqual([]);
  });

  test("a server that is frozen is said, and keeps neither relay nor store from closing", async ({ skip }) => {
    if (!server!.isOurs) return skip();
    const { store, recorder, troubles, write, start } = await started({ relay: false });
    const relays = [await start(), await start()];
    await write(0);
    await recorder.count(1);
    process.kill(server!.pid, "SIGSTOP");
    // Its threads stop one after the other, and the last may still answer.
    await new Promise((resolve) => setTimeout(resolve, 300));
    try {
      const frozenMs = performance.now();
      const counting = expect(store.counts()).rejects.toMatchObject({ code: "WB_MYSQL_CONNECTION" });
      await relays[0]!.drain({ deadlineMs: 1_000 });
      expect(performance.now() - frozenMs).toBeLessThan(5_000);
      await eventually(() => troubles.includes("WB_MYSQL_CONNECTION"));
      await relays[1]!.close();
      await store.close();
      await counting;
    } finally {
      process.kill(server!.pid, "SIGCONT");
    }
  });

  test("a table that is gone is said, and work goes on once it is back", async () => {
    const { url, recorder, write, troubles } = await started();
    await write(0);
    await recorder.count(1);
    await server!.query("RENAME TABLE outbox TO gone", url);
    await expect(write(1)).rejects.toMatchObject({ code: "WB_MYSQL_TABLE_MISSING" });
    await eventually(() => troubles.includes("WB_MYSQL_TABLE_MISSING"));
    await server!.query("RENAME TABLE gone TO outbox", url);
    await write(1);
    await recorder.count(2);
    expect(recorder.data).toEqual([0, 1]);
  });

  test("a schema of another version is refused: older without migrations, newer always", async () => {
    const url = await server!.database();
    const checked = mysql({ url, migrate: false });
    closing.push(() => checked.close());
    await expect(checked.open()).rejects.toMatchObject({ code: "WB_MYSQL_SCHEMA_OLDER" });
    // What `sql` prints does the same as `apply`.
    const script = await createConnection({ uri: url, multipleStatements: true });
    await script.query(checked.migrations.sql());
    await script.end();
    await checked.open();
    await server!.query("INSERT INTO waybill_schema VALUES (99, UTC_TIMESTAMP())", url);
    const newer = mysql({ url });
    closing.push(() => newer.close());
    await expect(newer.open()).rejects.toMatchObject({ code: "WB_MYSQL_SCHEMA_NEWER" });
  });

  test("no server, a wrong password: errors with words and without secrets", async () => {
    const closed = mysql({ url: "mysql://app:hunter2@127.0.0.1:1/shop" });
    closing.push(() => closed.close());
    const error = await closed.open().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "WB_MYSQL_CONNECTION" });
    const url = new URL(await server!.database());
    url.username = "nobody-here";
    url.password = "hunter2";
    const denied = mysql({ url: url.href });
    closing.push(() => denied.close());
    const refused = await denied.open().catch((reason: unknown) => reason);
    expect(refused).toMatchObject({ code: "WB_MYSQL_REFUSED" });
    for (const one of [error, refused]) {
      expect(`${(one as Error).message} ${JSON.stringify(one)} ${closed.name} ${denied.name}`).not.toContain("hunter2");
    }
  });

  test.each(["supportBigNumbers=true&bigNumberStrings=true", "rowsAsArray=true&typeCast=false", "nestTables=true"])(
    "what the URL says of the form of answers (%s) is for the application's own",
    async (form) => {
      const { recorder, write, store } = await started({ url: `${await server!.database()}?${form}` });
      recorder.refuse = ({ data }) => (data === 1 ? new Error("no") : undefined);
      for (let i = 0; i < 3; i++) await write(i);
      await recorder.count(1);
      await eventually(async () => (await store.counts()).parked === 2);
      recorder.refuse = () => undefined;
      await recorder.count(3);
      expect(recorder.data).toEqual([0, 1, 2]);
      expect((await store.overview()).relays).toMatchObject([{ untilMs: expect.any(Number) }]);
    },
  );

  test("a server on which nothing commits by itself keeps nothing that was published", async ({ skip }) => {
    if (!server!.isOurs) return skip();
    await server!.query("SET GLOBAL autocommit = 0");
    try {
      const { recorder, write, store } = await started();
      for (let i = 0; i < 3; i++) await write(i);
      await recorder.count(3);
      await eventually(async () => (await store.counts()).waiting === 0);
      expect(recorder.data).toEqual([0, 1, 2]);
    } finally {
      await server!.query("SET GLOBAL autocommit = 1");
    }
  });

  test("a limit of time for the application's statements does not hold for the store's own", async ({ skip }) => {
    if (!server!.isOurs) return skip();
    await server!.query("SET GLOBAL max_statement_time = 0.5");
    try {
      const { url, store } = await started({ relay: false });
      // Another process migrates for longer than that.
      const other = await session(url);
      await other.query("DROP TABLE waybill_schema, outbox, outbox_scheduled, outbox_retry, outbox_dead, outbox_sent");
      await other.query("DROP TABLE outbox_lease, inbox");
      await other.query("SELECT GET_LOCK(CONCAT('waybill ', SHA1(DATABASE())), 5)");
      const migrating = store.migrations.apply();
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await other.query("SELECT RELEASE_LOCK(CONCAT('waybill ', SHA1(DATABASE())))");
      expect(await migrating).toEqual([1]);
    } finally {
      await server!.query("SET GLOBAL max_statement_time = 0");
    }
  });

  test("a URL that mysql2 cannot read is refused without a word of its password", () => {
    for (const url of ["mysql://app:hunter%zz2@localhost/shop", 'mysql://app@localhost/shop?ssl="hunter2"']) {
      let refused: unknown;
      try {
        mysql({ url });
      } catch (error) {
        refused = error;
      }
      expect(refused).toMatchObject({ code: "WB_OUTBOX_OPTION" });
      expect(inspect(refused)).not.toContain("hunter");
    }
  });

  test("an event larger than the server's packets is said to be so, however much larger", async () => {
    const { recorder, write } = await started();
    for (const size of [17_000_000, 40_000_000, 80_000_000]) {
      await expect(write(0, "x".repeat(size))).rejects.toMatchObject({ code: "WB_MYSQL_PACKET" });
    }
    await write(1);
    await recorder.count(1);
    expect(recorder.data).toEqual([1]);
  });

  test("retention waits for a handler, and forgets nothing of what it has recorded meanwhile", async () => {
    const { url, store } = await started({ relay: false });
    const inbox = createInbox({ store });
    // A day of ids that is over: one was seen then, another is redelivered just now.
    await server!.query(
      `ALTER TABLE inbox REORGANIZE PARTITION later INTO
       (PARTITION before_20200101 VALUES LESS THAN (x'016f5e66e800'), PARTITION later VALUES LESS THAN (MAXVALUE))`,
      url,
    );
    const key = (n: number) => ({
      topic: "t",
      subscription: "s",
      source: "/s",
      id: `016f0000-0000-7000-8000-00000000000${n}`,
    });
    const never = new AbortController().signal;
    await inbox.process(key(1), async () => undefined, never);
    await server!.query("UPDATE inbox SET seen_at = 1577750400000", url);
    let pruning: Promise<number> | undefined;
    await inbox.process(
      key(2),
      async () => {
        pruning = inbox.prune({ olderThanMs: 86_400_000 });
        const waiting = `SELECT 1 FROM information_schema.processlist WHERE state LIKE '%metadata lock%' AND db = DATABASE()`;
        await eventually(async () => (await server!.query(waiting, url)).length > 0);
      },
      never,
    );
    await pruning;
    expect(await inbox.process(key(2), async () => undefined, never)).toBe("duplicate");
    // Once nobody has recorded in it for as long as asked, it goes.
    await server!.query("UPDATE inbox SET seen_at = 1577750400000", url);
    expect(await inbox.prune({ olderThanMs: 86_400_000 })).toBe(2);
    expect(await inbox.process(key(2), async () => undefined, never)).toBe("processed");
  });

  test("a server without room says so; what was not committed is undone, the relay goes on when there is some", async () => {
    const { url, recorder, write } = await started();
    await write(0);
    await recorder.count(1);
    // A trigger stands for a full disk: the server raises the same error.
    await server!.query(
      "CREATE TRIGGER full_disk BEFORE INSERT ON outbox FOR EACH ROW SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1021, MESSAGE_TEXT = 'Disk full'",
      url,
    );
    await expect(write(1)).rejects.toMatchObject({ code: "WB_MYSQL_DISK" });
    await server!.query("DROP TRIGGER full_disk", url);
    await write(2);
    await recorder.count(2);
    expect(recorder.data).toEqual([0, 2]);
  });
});
