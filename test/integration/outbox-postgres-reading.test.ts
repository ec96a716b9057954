import { eventually } from "@waybill/outbox/conformance";
import { Client } from "pg";
import { afterAll, describe, expect, test, vi } from "vitest";
import { testPostgres } from "../postgres/test-postgres.ts";
import { relaysOn } from "./outbox-postgres-relays.fixture.ts";

const server = await testPostgres("outbox on PostgreSQL: reading");
afterAll(() => server?.stop());
const { closing, started } = relaysOn(server);

describe.skipIf(!server)("reading the outbox of PostgreSQL", () => {
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
});
