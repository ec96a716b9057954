import { defineEvent, defineTopic, WaybillError } from "@waybill/core";
import { createOutbox, createRelay, type Store } from "@waybill/outbox";
import { eventually, Recorder } from "@waybill/outbox/conformance";
import { mysql } from "@waybill/outbox/mysql";
import { postgres } from "@waybill/outbox/postgres";
import { sqlite } from "@waybill/outbox/sqlite";
import { afterEach, describe, expect, it } from "vitest";
import { startMariadb } from "../mariadb/start-mariadb.ts";
import { startPostgres } from "../postgres/start-postgres.ts";
import { mountSmallDisk, type SmallDisk } from "../servers/small-disk.ts";
import { startOrSkip } from "../servers/unavailable.ts";

const noted = defineEvent("com.example.noted");
const notes = defineTopic("notes", [noted]);

interface Server {
  readonly store: Store<unknown>;
  /** Where writing the log finds no space, the server ends itself. */
  revive(): Promise<void>;
  stop(): Promise<void>;
}

const SERVERS: Readonly<
  Record<string, { mebibytes: number; refusals: RegExp; start: (disk: SmallDisk) => Promise<Server> }>
> = {
  PostgreSQL: {
    mebibytes: 300,
    refusals: /^WB_POSTGRES_DISK$/,
    async start(disk) {
      const server = await startPostgres({ data: disk.folder, fsync: true, settings: { min_wal_size: "32MB" } });
      const store = postgres({ connectionString: await server.database() });
      const answers = () =>
        server.query("SELECT 1").then(
          () => true,
          () => false,
        );
      return {
        store: store as unknown as Store<unknown>,
        revive: async () => {
          if (!(await answers())) await server.restart("crash");
        },
        stop: () => server.stop(),
      };
    },
  },
  MariaDB: {
    mebibytes: 300,
    // It waits for space, and ends itself when its log has waited in vain.
    refusals: /^(TimeoutError|WB_MYSQL_[A-Z]+)$/,
    async start(disk) {
      const server = await startMariadb({ data: `${disk.folder}/data`, fsync: true });
      const store = mysql({ url: await server.database() });
      return {
        store: store as unknown as Store<unknown>,
        revive: async () => {
          if (await server.query("SELECT 1").catch(() => undefined)) return;
          await server.halt("crash");
          await server.resume();
        },
        stop: () => server.stop(),
      };
    },
  },
  SQLite: {
    mebibytes: 16,
    refusals: /^WB_STORE_DISK$/,
    async start(disk) {
      const store = sqlite({ path: `${disk.folder}/store.db` });
      return { store: store as unknown as Store<unknown>, revive: async () => undefined, stop: async () => undefined };
    },
  },
};

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

describe.each(Object.keys(SERVERS))("a disk without space under %s", (name) => {
  it("loses no event that was committed; writers and relay go on when there is space", async (context) => {
    const { mebibytes, start } = SERVERS[name]!;
    const disk = await startOrSkip("full disk", async () => mountSmallDisk(mebibytes));
    if (disk === undefined) context.skip();
    closing.push(async () => disk!.unmount());
    const server = await startOrSkip("full disk", () => start(disk!));
    if (server === undefined) context.skip();
    closing.push(() => server!.stop());
    const { store, revive } = server!;
    await store.open();
    closing.push(() => store.close());
    const outbox = createOutbox({ store, source: "/disk" });
    const recorder = new Recorder();
    const relay = createRelay({ store, publisher: recorder, leaseMs: 1_000, pollMs: 20 });
    await relay.start();
    closing.push(() => relay.close());

    const committed: number[] = [];
    const refusals = new Set<string>();
    let next = 0;
    const write = async () => {
      const n = next++;
      // Large enough that some pages are soon full.
      const data = { n, filling: "x".repeat(20_000) };
      try {
        await outbox.transaction((tx) => outbox.publish(tx, notes, noted(data, { key: `k${n % 3}` })), {
          signal: AbortSignal.timeout(5_000),
        });
        committed.push(n);
        return true;
      } catch (error) {
        refusals.add(error instanceof WaybillError ? error.code : (error as Error).name);
        return false;
      }
    };
    while (next < 20) await write();
    disk!.fill();
    let failures = 0;
    while (failures < 3 && next < 2_000) if (!(await write())) failures++;
    expect(failures).toBe(3);

    disk!.clear();
    await revive();
    const before = committed.length;
    await eventually(write);
    while (committed.length < before + 20) await write();
    const seen = () => new Set(recorder.taken.map(({ event }) => (event.data as { n: number }).n));
    await eventually(() => committed.every((n) => seen().has(n)));
    for (const refusal of refusals) expect(refusal).toMatch(SERVERS[name]!.refusals);
  });
});
