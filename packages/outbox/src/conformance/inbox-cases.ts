import { describe, expect } from "vitest";
import { noted, notes, storeCase } from "./fixture.ts";
import type { StoreConformanceOptions } from "./store-place.ts";

/** The idempotent consumer. */
export function inboxCases<Tx>(options: StoreConformanceOptions<Tx>): void {
  const check = storeCase(options);
  const key = { topic: "orders", subscription: "billing", source: "/shop", id: "1" };
  const { signal } = new AbortController();

  describe(`${options.name}: inbox`, () => {
    check(
      "work, record and outbox are one commit; a duplicate does nothing",
      async ({ inbox, outbox, place, store }) => {
        await store.transaction((tx) => place.query(tx, "CREATE TABLE effect (n INTEGER)"));
        const work = async (tx: Tx) => {
          await place.query(tx, "INSERT INTO effect VALUES (1)");
          await outbox.publish(tx, notes, noted("caused"));
        };
        const failing = async (tx: Tx) => {
          await work(tx);
          throw new Error("no");
        };
        await expect(inbox.process(key, failing, signal)).rejects.toThrow("no");
        expect(await store.counts()).toMatchObject({ waiting: 0 });
        expect(await inbox.process(key, work, signal)).toBe("processed");
        expect(await inbox.process(key, work, signal)).toBe("duplicate");
        expect(await store.counts()).toMatchObject({ waiting: 1 });
        expect(await store.transaction((tx) => place.query(tx, "SELECT n FROM effect"))).toHaveLength(1);
      },
    );

    check("of many at once one processes", async ({ inbox }) => {
      let runs = 0;
      const all = await Promise.all(
        Array.from({ length: 20 }, () =>
          inbox.process(
            key,
            async () => {
              runs++;
              await new Promise((resolve) => setImmediate(resolve));
            },
            signal,
          ),
        ),
      );
      expect(runs).toBe(1);
      expect(all.filter((one) => one === "processed")).toHaveLength(1);
      expect(all.filter((one) => one === "duplicate")).toHaveLength(19);
    });

    check("a batch is one commit; what is known is left out; one that fails costs no other", async (f) => {
      const { inbox, outbox, place, store } = f;
      await store.transaction((tx) => place.query(tx, "CREATE TABLE effect (n INTEGER)"));
      const item = (n: number) => ({ key: { ...key, id: `batch ${n}` }, n });
      const calls: number[][] = [];
      const work = async (tx: Tx, fresh: readonly { readonly n: number }[]) => {
        calls.push(fresh.map(({ n }) => n));
        for (const { n } of fresh) await place.query(tx, "INSERT INTO effect VALUES (?)", [n]);
        await outbox.publish(
          tx,
          notes,
          fresh.map(({ n }) => noted(n)),
        );
        if (fresh.some(({ n }) => n === 5)) throw new Error("five");
      };
      const kinds = async (...numbers: number[]) => {
        const outcomes = await inbox.processBatch(numbers.map(item), work, signal);
        return outcomes.map(({ kind }) => kind);
      };
      expect(await kinds(0, 1, 0)).toEqual(["processed", "processed", "duplicate"]);
      expect(await kinds(0, 1)).toEqual(["duplicate", "duplicate"]);
      expect(await kinds(1, 2, 3)).toEqual(["duplicate", "processed", "processed"]);
      expect(calls).toEqual([
        [0, 1],
        [2, 3],
      ]);
      expect(await kinds(3, 4, 5, 6)).toEqual(["duplicate", "processed", "failed", "processed"]);
      expect(calls.slice(2)).toEqual([[4, 5, 6], [4], [5], [6]]);
      expect(await kinds()).toEqual([]);
      const effects = await store.transaction((tx) => place.query(tx, "SELECT n FROM effect ORDER BY n"));
      expect(effects.map(({ n }) => n)).toEqual([0, 1, 2, 3, 4, 6]);
      expect(await store.counts()).toMatchObject({ waiting: 6 });
      const many = Array.from({ length: 700 }, (_, i) => i + 100);
      expect(new Set(await kinds(...many))).toEqual(new Set(["processed"]));
      expect(new Set(await kinds(...many))).toEqual(new Set(["duplicate"]));
    });

    check("a late duplicate is known to another store on the same place", async ({ inbox, another }) => {
      expect(await inbox.process(key, async () => undefined, signal)).toBe("processed");
      const other = another();
      expect(await other.inbox.known([key, { ...key, id: "2" }])).toEqual([true, false]);
      expect(await other.transaction((tx) => other.inbox.add(tx, key))).toBe(false);
    });

    check("any four strings are told apart", async ({ inbox }) => {
      const keys = [
        key,
        { ...key, id: "1 " },
        { ...key, id: "\ud800" },
        { ...key, id: "\ud801" },
        { ...key, id: "\ufffd" },
        { ...key, id: "1\u0000" },
        { ...key, topic: "orders/billing", subscription: "" },
        { ...key, topic: "orders", subscription: "billing/" },
        { ...key, source: "__proto__" },
        { ...key, source: "/shop\u0000", id: "" },
        { ...key, id: "x".repeat(5_000) },
      ];
      for (const one of keys) expect(await inbox.process(one, async () => undefined, signal)).toBe("processed");
      for (const one of keys) expect(await inbox.process(one, async () => undefined, signal)).toBe("duplicate");
    });

    check("prune forgets what is old and only that", async ({ inbox }) => {
      for (let i = 0; i < 3; i++) await inbox.process({ ...key, id: `${i}` }, async () => undefined, signal);
      expect(await inbox.prune({ olderThanMs: 60_000 })).toBe(0);
      expect(await inbox.prune({ olderThanMs: -1_000 })).toBe(3);
      expect(await inbox.process(key, async () => undefined, signal)).toBe("processed");
    });
  });
}
