import { createInbox } from "@waybill/outbox";
import { afterAll, describe, expect, test } from "vitest";
import { testPostgres } from "../postgres/test-postgres.ts";
import { relaysOn } from "./outbox-postgres-relays.fixture.ts";

const server = await testPostgres("outbox on PostgreSQL: transactions");
afterAll(() => server?.stop());
const { started } = relaysOn(server);

describe.skipIf(!server)("transactions on PostgreSQL that fail", () => {
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

  test("a failed statement that nobody told of does not commit in silence", async () => {
    const { store } = await started({ relay: false });
    const swallowed = store.transaction((tx) => tx.query("SELECT 1 / 0").catch(() => undefined));
    await expect(swallowed).rejects.toMatchObject({ code: "WB_POSTGRES_ROLLED_BACK" });
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
});
