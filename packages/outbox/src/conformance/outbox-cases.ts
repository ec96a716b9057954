import { defineEvent } from "@waybill/core";
import { describe, expect } from "vitest";
import type { Store } from "../store.ts";
import { noted, notes, others, storeCase } from "./fixture.ts";
import { eventually } from "./recorder.ts";
import type { StoreConformanceOptions } from "./store-place.ts";

/** Writing: what is in the outbox, and when. */
export function outboxCases<Tx>(options: StoreConformanceOptions<Tx>): void {
  const check = storeCase(options);
  describe(`${options.name}: outbox`, () => {
    check("an event commits with the business data, or not at all", async ({ outbox, place, store }) => {
      await store.transaction((tx) => place.query(tx, "CREATE TABLE account (id INTEGER, total INTEGER)"));
      await outbox.transaction(async (tx) => {
        await place.query(tx, "INSERT INTO account VALUES (1, 10)");
        await outbox.publish(tx, notes, noted("kept"));
      });
      const failed = outbox.transaction(async (tx) => {
        await place.query(tx, "INSERT INTO account VALUES (2, 20)");
        await outbox.publish(tx, notes, noted("undone"));
        throw new Error("no");
      });
      await expect(failed).rejects.toThrow("no");
      expect(await store.counts()).toMatchObject({ waiting: 1 });
      const rows = await store.transaction((tx) => place.query(tx, "SELECT id FROM account"));
      expect(rows.map((row) => row.id)).toEqual([1]);
    });

    check("whatever is asked of a store first makes its tables", async () => {
      const first: readonly ((store: Store<Tx>) => Promise<unknown>)[] = [
        (store) => store.dead.list({ max: 1, after: 0 }),
        (store) => store.dead.retry([1]),
        (store) => store.dead.discard([1]),
        (store) => store.dead.retryParked(),
        (store) => store.inbox.known([{ topic: "notes", subscription: "s", source: "/s", id: "1" }]),
        (store) => store.inbox.prune(0),
        (store) => store.counts(),
        (store) => store.overview(),
      ];
      for (const ask of first) {
        const place = await options.place();
        const store = place.open();
        try {
          await ask(store);
          expect(await store.migrations.apply()).toEqual([]);
        } finally {
          await store.close();
          await place.remove();
        }
      }
    });

    check("concurrent transactions: each failure undoes its own writes only", async ({ outbox, store, note }) => {
      const results = await Promise.allSettled(
        Array.from({ length: 40 }, (_, i) =>
          i % 4 === 0
            ? outbox.transaction(async (tx) => {
                await outbox.publish(tx, notes, noted(i));
                throw new Error("no");
              })
            : note([i]),
        ),
      );
      expect(results.filter(({ status }) => status === "rejected")).toHaveLength(10);
      expect(await store.counts()).toMatchObject({ waiting: 30 });
    });

    check(
      "a signal undoes a transaction that hangs, and its handle is dead",
      async ({ outbox, store, note, place }) => {
        const stop = new AbortController();
        let handle: Tx | undefined;
        const hanging = outbox.transaction(
          async (tx) => {
            handle = tx;
            await outbox.publish(tx, notes, noted("undone"));
            stop.abort(new Error("too late"));
            await new Promise(() => undefined);
          },
          { signal: stop.signal },
        );
        const next = note(["next"]);
        await expect(hanging).rejects.toThrow("too late");
        await next;
        await expect(async () => place.query(handle!, "SELECT 1")).rejects.toThrow();
        expect(await store.counts()).toMatchObject({ waiting: 1 });
      },
    );

    check(
      "an event not due yet stays, and is published when it is",
      async ({ outbox, store, relay, recorder, note }) => {
        const soon = new Date(Date.now() + 150);
        const never = new Date(Date.now() + 3_600_000);
        await outbox.transaction(async (tx) => {
          await outbox.publish(tx, notes, [
            noted("soon", { notBefore: soon, key: "k" }),
            noted("never", { notBefore: never, key: "k" }),
          ]);
        });
        expect(await store.counts()).toMatchObject({ waiting: 0, scheduled: 2 });
        await relay();
        await note(["now"], "k");
        await recorder.count(1);
        expect(recorder.data).toEqual(["now"]);
        await recorder.count(2);
        expect(Date.now()).toBeGreaterThanOrEqual(soon.getTime());
        expect(recorder.data).toEqual(["now", "soon"]);
        expect(await store.counts()).toMatchObject({ scheduled: 1 });
      },
    );

    check("events of a type that the topic does not carry are refused before any is written", async (f) => {
      const stranger = defineEvent("stranger");
      await f.outbox.transaction(async (tx) => {
        const both = [noted("a"), stranger({})] as never;
        await expect(f.outbox.publish(tx, notes, both)).rejects.toMatchObject({ code: "WB_EVENT_TYPE_UNKNOWN" });
      });
      expect(await f.store.counts()).toMatchObject({ waiting: 0 });
    });

    check("keys and data are only data, bytes come back as bytes", async ({ outbox, relay, recorder }) => {
      const data = JSON.parse(
        '{"__proto__":{"a":1},"constructor":"c","\\u0000":"nul","lone":"\\ud800","quote":"\'; --"}',
      );
      const event = { specversion: "1.0", id: "1", source: "/s", type: "t" } as const;
      await outbox.transaction(async (tx) => {
        for (const key of ["__proto__", "constructor", "'; DROP TABLE outbox; --", "💥"]) {
          await outbox.publish(tx, notes, noted(data, { key }));
        }
        await outbox.publishRaw(tx, "notes", {
          ...event,
          datacontenttype: "application/octet-stream",
          data: new Uint8Array([0, 255, 7]),
          count: 7,
          flag: true,
        });
        await outbox.publishRaw(tx, "notes", event);
      });
      await relay();
      await recorder.count(6);
      const events = recorder.taken.map((one) => one.event);
      const keyed = events.filter((one) => one.partitionkey !== undefined);
      expect(new Set(keyed.map((one) => one.partitionkey)).size).toBe(4);
      for (const { data: got } of keyed) expect(JSON.stringify(got)).toBe(JSON.stringify(data));
      const bytes = events.find((one) => one.datacontenttype === "application/octet-stream");
      expect(bytes).toMatchObject({ data: new Uint8Array([0, 255, 7]), count: 7, flag: true });
      expect(events.find((one) => one.datacontenttype === undefined)).toEqual(event);
    });

    check("migrations: all applied, again nothing to do, and the script that leads here", async ({ store }) => {
      const { applied, wanted } = await store.migrations.status();
      expect(applied).toBe(wanted);
      expect(await store.migrations.apply()).toEqual([]);
      expect(store.migrations.sql()).toContain("outbox");
      expect(store.migrations.sql(wanted)).not.toContain("outbox_retry");
    });

    check("the overview tells what waits by topic, since when, and who relays it", async (f) => {
      await f.note([1, 2]);
      await f.outbox.transaction((tx) => f.outbox.publish(tx, others, noted(3)));
      const { topics, relays } = await f.store.overview();
      expect(topics.map(({ topic, waiting }) => [topic, waiting])).toEqual([
        ["notes", 2],
        ["others", 1],
      ]);
      for (const { oldestMs } of topics) expect(Math.abs(Date.now() - oldestMs!)).toBeLessThan(60_000);
      expect(relays).toEqual([]);
      const relay = await f.relay({ owner: "me" });
      await eventually(() => relay.status().buckets === 64);
      const [holder] = (await f.store.overview()).relays;
      expect(holder).toMatchObject({ owner: expect.stringMatching(/^me\/./), buckets: 64 });
      expect(holder!.untilMs).toBeGreaterThan(Date.now() - 60_000);
    });
  });
}
