import { createInbox, createOutbox, createRelay } from "@waybill/outbox";
import { eventually, Recorder } from "@waybill/outbox/conformance";
import { postgres } from "@waybill/outbox/postgres";
import { Pool } from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { testPostgres } from "../postgres/test-postgres.ts";
import { distinct, relaysOn, upTo } from "./outbox-postgres-relays.fixture.ts";

const server = await testPostgres("outbox on PostgreSQL: connections");
afterAll(() => server?.stop());
const { closing, started } = relaysOn(server);

describe.skipIf(!server)("connections of PostgreSQL that break", () => {
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

  test("a database that takes no writes is said to be so, and work goes on once it does", async () => {
    const { url, recorder, troubles, write } = await started();
    const takesWrites = async (yes: boolean) => {
      const database = new URL(url).pathname.slice(1);
      await server!.query(`ALTER DATABASE ${database} SET default_transaction_read_only = ${yes ? "off" : "on"}`);
      await server!.killConnections(url);
    };
    await write(0);
    await recorder.count(1);
    await takesWrites(false);
    // The first try may meet a connection that has just been ended.
    await write(1).catch(() => undefined);
    await expect(write(1)).rejects.toMatchObject({ code: "WB_POSTGRES_READ_ONLY" });
    await eventually(() => troubles.includes("WB_POSTGRES_READ_ONLY"));
    await takesWrites(true);
    await eventually(() =>
      write(1).then(
        () => true,
        () => false,
      ),
    );
    await recorder.count(2);
    expect(distinct(recorder)).toEqual([0, 1]);
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
});
