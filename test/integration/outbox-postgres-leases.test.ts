import { systemClock } from "@waybill/core/spi";
import { eventually } from "@waybill/outbox/conformance";
import { afterAll, describe, expect, test } from "vitest";
import { testPostgres } from "../postgres/test-postgres.ts";
import { relaysOn, upTo } from "./outbox-postgres-relays.fixture.ts";

const server = await testPostgres("outbox on PostgreSQL: leases and housekeeping");
afterAll(() => server?.stop());
const { started } = relaysOn(server);

describe.skipIf(!server)("leases and housekeeping on PostgreSQL", () => {
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

  test("buckets that pass to a relay that joins are soon served again, however long a lease is", async () => {
    const { url, start, write, recorder } = await started({ relay: false });
    const first = await start("a", { leaseMs: 15_000 });
    await eventually(() => first.status().buckets === 64);
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    recorder.beforeAnswer = () => answered;
    for (let i = 0; i < 100; i++) await write(i, i, `k${i}`);
    await eventually(() => recorder.running > 0);
    const second = await start("b", { leaseMs: 15_000 });
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
    // Rounds are five seconds apart otherwise.
    expect(performance.now() - began).toBeLessThan(4_000);
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
