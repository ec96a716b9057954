import { systemClock } from "@waybill/core/spi";
import { describe, expect } from "vitest";
import { createOutbox } from "../outbox.ts";
import { BUCKETS } from "../store.ts";
import { noted, notes, others, storeCase } from "./fixture.ts";
import { coreErrorLike } from "./permanent-error.ts";
import { eventually, Recorder } from "./recorder.ts";
import type { StoreConformanceOptions } from "./store-place.ts";

/** A lease that a machine busy with other things does not outlast: a row that changes hands in flight is published twice. */
const LONG_MS = 1_500;
const boom = new Error("boom; AccountKey=c2VjcmV0");

/** Publishing: order, failures, change of relay. */
export function relayCases<Tx>(options: StoreConformanceOptions<Tx>): void {
  const check = storeCase(options);
  describe(`${options.name}: relay`, () => {
    check("publishes what was there and what comes, in order per key, and removes it", async (f) => {
      await f.note([0, 1, 2], "k");
      await f.relay();
      for (let i = 3; i < 60; i++) await f.note([i], "k");
      await f.recorder.count(60);
      expect(f.recorder.data).toEqual(Array.from({ length: 60 }, (_, i) => i));
      await eventually(async () => (await f.store.counts()).waiting === 0);
    });

    check("sees what another store on the same place commits", async (f) => {
      await f.relay();
      const afar = createOutbox({ store: f.another(), source: "/afar" });
      await afar.transaction((tx) => afar.publish(tx, notes, noted("from afar")));
      await f.recorder.count(1);
      expect(f.recorder.data).toEqual(["from afar"]);
    });

    check("a failed event holds up its key in order, and no other key", async (f) => {
      let failures = 2;
      f.recorder.refuse = (event) => (event.data === "a1" && failures-- > 0 ? boom : undefined);
      await f.outbox.transaction((tx) =>
        f.outbox.publish(tx, notes, [
          noted("a1", { key: "a" }),
          noted("b1", { key: "b" }),
          noted("a2", { key: "a" }),
          noted("b2", { key: "b" }),
          noted("a3", { key: "a" }),
        ]),
      );
      await f.relay();
      await f.recorder.count(4);
      await f.note(["a4"], "a");
      await f.recorder.count(6);
      const of = (prefix: string) => f.recorder.data.filter((one) => String(one).startsWith(prefix));
      expect(of("a")).toEqual(["a1", "a2", "a3", "a4"]);
      expect(of("b")).toEqual(["b1", "b2"]);
      expect(f.recorder.data.slice(0, 1)).toEqual(["b1"]);
      await eventually(async () => (await f.store.counts()).parked === 0);
    });

    check("an event that never goes through is given up with its reason, and its key goes on", async (f) => {
      f.recorder.refuse = (event) => (event.data === "bad" ? boom : undefined);
      await f.note(["good", "bad", "after"], "k");
      await f.note(["other"], "o");
      await f.relay();
      await f.recorder.count(3);
      // The dead row is written first: its key goes on only then.
      const [dead] = await f.outbox.dead.list();
      expect(dead).toMatchObject({ topic: "notes", key: "k", reason: "publish-failed", attempts: 3, haltsKey: false });
      expect(dead?.error).toBe("boom; AccountKey=***");
      expect(dead?.event?.data).toBe("bad");
      expect(f.recorder.data.indexOf("after")).toBeGreaterThan(f.recorder.data.indexOf("good"));
    });

    check("bad events at the head of a topic do not keep the others, however few are offered at once", async (f) => {
      f.recorder.refuse = (event) => (String(event.data).startsWith("bad") ? boom : undefined);
      for (const i of [1, 2, 3]) await f.note([`bad ${i}`], `k${i}`);
      await f.note([0, 1, 2, 3, 4], "good");
      await f.note(["after"], "k3");
      await f.relay({ batch: 1, concurrency: 1 });
      await f.recorder.count(6);
      expect(f.recorder.data.filter((one) => one !== "after")).toEqual([0, 1, 2, 3, 4]);
      await eventually(async () => (await f.store.counts()).dead === 3);
      expect((await f.outbox.dead.list()).map(({ event }) => event?.data).sort()).toEqual(["bad 1", "bad 2", "bad 3"]);
    });

    check("what can never be published is given up at the first try", async (f) => {
      f.recorder.refuse = (event) => (event.data === "huge" ? coreErrorLike("WB_EVENT_TOO_LARGE") : undefined);
      await f.note(["huge"], "k");
      await f.relay();
      await eventually(async () => (await f.store.counts()).dead === 1);
      expect((await f.outbox.dead.list())[0]).toMatchObject({ reason: "refused", attempts: 1 });
    });

    check("a row that holds no event is given up alone, and the rest of its topic goes on", async (f) => {
      const foreign = (event: string) => ({ topic: "notes", key: "k", bucket: 1, event, notBeforeMs: undefined });
      await f.note([1], "k");
      await f.store.transaction((tx) => f.store.insert(tx, ["no event", "null", "[1]"].map(foreign)));
      await f.note([2, 3], "k");
      await f.note([4], "other");
      expect((await f.store.overview()).topics).toMatchObject([{ topic: "notes", waiting: 7 }]);
      await f.relay();
      await f.recorder.count(4);
      expect(f.recorder.data.filter((one) => one !== 4)).toEqual([1, 2, 3]);
      const dead = await f.outbox.dead.list();
      expect(dead).toHaveLength(3);
      expect(dead[0]).toMatchObject({ reason: "undecodable", event: undefined });
      expect(dead[0]!.error).toMatch(/holds no event/);
    });

    check("the overview tells the age of whatever event stands first", async (f) => {
      await f.note(["\0 and \ud800 in its data"]);
      const [topic] = (await f.store.overview()).topics;
      expect(Math.abs(Date.now() - topic!.oldestMs!)).toBeLessThan(60_000);
      const row = { topic: "others", key: undefined, bucket: 1, event: "no event", notBeforeMs: undefined };
      await f.store.transaction((tx) => f.store.insert(tx, [row]));
      expect((await f.store.overview()).topics[1]).toEqual({ topic: "others", waiting: 1, oldestMs: undefined });
    });

    check("halt-key: a dead event holds up its key until it is retried or discarded", async (f) => {
      let refused = new Set<unknown>(["k1", "l1"]);
      f.recorder.refuse = (event) => (refused.has(event.data) ? coreErrorLike("WB_EVENT_INVALID") : undefined);
      await f.note(["k1", "k2"], "k");
      await f.note(["l1", "l2"], "l");
      await f.relay({ onPoison: "halt-key" });
      await eventually(async () => (await f.store.counts()).dead === 2);
      await f.note(["k3"], "k");
      await f.note(["m1"], "m");
      await f.recorder.count(1);
      await eventually(async () => (await f.store.counts()).parked === 3);
      expect(f.recorder.data).toEqual(["m1"]);

      refused = new Set();
      const dead = await f.outbox.dead.list();
      const position = (data: string) => dead.find(({ event }) => event?.data === data)!.position;
      expect(await f.outbox.dead.retry(position("k1"))).toBe(1);
      await f.recorder.count(4);
      expect(f.recorder.data).toEqual(["m1", "k1", "k2", "k3"]);
      expect(await f.outbox.dead.discard([position("l1"), 999_999])).toBe(1);
      await f.recorder.count(5);
      expect(f.recorder.data.at(-1)).toBe("l2");
      expect(await f.outbox.dead.list()).toEqual([]);
    });

    check("while the broker is down nothing is given up, other topics go on, memory stays flat", async (f) => {
      let down = true;
      let refusals = 0;
      f.recorder.refuse = (_event, topic) => {
        if (!down || topic !== "notes") return undefined;
        refusals++;
        return boom;
      };
      const values = Array.from({ length: 300 }, (_, i) => i);
      await f.note(values);
      await f.note(values, "k");
      const relay = await f.relay({ batch: 10 });
      await f.recorder.until(() => refusals > 50);
      await f.outbox.transaction((tx) => f.outbox.publish(tx, others, noted("elsewhere")));
      await f.recorder.count(1);
      expect(f.recorder.data).toEqual(["elsewhere"]);
      expect(relay.status().held).toBeLessThanOrEqual(40);
      expect(relay.status().resting).toMatchObject([{ topic: "notes" }]);
      expect(await f.store.counts()).toMatchObject({ parked: 0, dead: 0 });
      down = false;
      await f.recorder.count(601);
      const keyed = f.recorder.taken.filter(({ event }) => event.partitionkey === "k").map(({ event }) => event.data);
      expect(keyed).toEqual(values);
      expect(relay.status().resting).toEqual([]);
    });

    check("an unreachable broker uses up no attempts, not even of an event that is alone", async (f) => {
      let down = true;
      let refusals = 0;
      f.recorder.refuse = () => {
        if (!down) return undefined;
        refusals++;
        return new Error("send failed", { cause: Object.assign(new Error("connect"), { code: "ECONNREFUSED" }) });
      };
      await f.note([1, 2, 3], "k");
      await f.relay();
      await f.recorder.until(() => refusals > 10);
      expect(await f.store.counts()).toMatchObject({ waiting: 3, parked: 0, dead: 0 });
      down = false;
      await f.recorder.count(3);
      expect(f.recorder.data).toEqual([1, 2, 3]);
    });

    check("two relays, of one name even: each event once, in order; one takes over from the other", async (f) => {
      const first = await f.relay({ leaseMs: LONG_MS, owner: "relay" });
      await f.relay({ leaseMs: LONG_MS, owner: "relay", store: f.another() });
      for (let i = 0; i < 20; i++) await f.note([i], "k");
      await f.recorder.count(20);
      await first.drain({ deadlineMs: 5_000 });
      for (let i = 20; i < 40; i++) await f.note([i], "k");
      await f.recorder.count(40);
      expect(f.recorder.data).toEqual(Array.from({ length: 40 }, (_, i) => i));
    });

    for (const many of [false, true]) {
      check(
        `order per key holds with two relays that fail at random${many ? ", many of a key in one call" : ""}`,
        async (f) => {
          f.recorder.stopsKeys = () => many;
          let seed = 7;
          const random = () => {
            seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
            return seed / 2 ** 32;
          };
          f.recorder.refuse = () => (random() < 0.1 ? boom : undefined);
          f.recorder.beforeAnswer = () => new Promise((resolve) => setImmediate(resolve));
          const retry = { attempts: 100, initialMs: 1, maxMs: 5 };
          const first = await f.relay({ leaseMs: LONG_MS, batch: 7, retry });
          await f.relay({ leaseMs: LONG_MS, batch: 7, retry, store: f.another() });
          for (let i = 0; i < 40; i++) {
            await f.outbox.transaction((tx) =>
              f.outbox.publish(
                tx,
                notes,
                Array.from({ length: 5 }, (_, k) => noted(i, { key: `k${k}` })),
              ),
            );
            if (i === 20) await first.drain({ deadlineMs: 5_000 });
          }
          await f.recorder.count(200);
          for (let k = 0; k < 5; k++) {
            const data = f.recorder.taken
              .filter(({ event }) => event.partitionkey === `k${k}`)
              .map(({ event }) => event.data);
            expect(data).toEqual(Array.from({ length: 40 }, (_, i) => i));
          }
        },
      );
    }

    check("many events of one key go in one call where the publisher stops at the first that it refuses", async (f) => {
      f.recorder.stopsKeys = () => true;
      let refused = 0;
      f.recorder.refuse = (event) => (event.data === 10 && refused++ < 3 ? boom : undefined);
      const values = Array.from({ length: 30 }, (_, i) => i);
      await f.note(values, "hot");
      await f.note(["cold"], "cold");
      await f.relay({ retry: { initialMs: 1, maxMs: 5 } });
      await f.recorder.count(31);
      expect(f.recorder.data.filter((data) => data !== "cold")).toEqual(values);
      expect(f.recorder.calls[0]).toBe(31);
      await eventually(async () => {
        const { waiting, parked } = await f.store.counts();
        return waiting + parked === 0;
      });
    });

    check("a row that is no event stands in nobody's way, among many of its key in one call", async (f) => {
      f.recorder.stopsKeys = () => true;
      const row = (event: string) => ({ topic: notes.name, key: "k", bucket: 3, event, notBeforeMs: undefined });
      await f.note([1, 2], "k");
      await f.outbox.transaction((tx) => f.store.insert(tx, [row("{ cut off")]));
      await f.note([3], "k");
      await f.relay();
      await f.recorder.count(3);
      expect(f.recorder.data).toEqual([1, 2, 3]);
      await eventually(async () => (await f.store.counts()).dead === 1);
    });

    check("a relay past its lease moves nothing, and what it published is removed", async (f) => {
      const zombie = await f.store.feed({
        owner: "zombie",
        leaseMs: 20,
        pollMs: 5,
        keepSentMs: 0,
        clock: systemClock,
        onTrouble: () => undefined,
      });
      expect((await zombie.lease(() => false)).size > 0).toBe(true);
      await f.note(["published", "failed"]);
      const rows = await zombie.claim({ max: 10, maxBytes: 1e6, skip: new Set(), exceptTopics: new Set() });
      expect(rows).toHaveLength(2);
      const heir = await f.another().feed({
        owner: "heir",
        leaseMs: 5_000,
        pollMs: 5,
        keepSentMs: 0,
        clock: systemClock,
        onTrouble: () => undefined,
      });
      // Some time after its end: a store may have to watch it for its whole length.
      await eventually(async () => (await heir.lease(() => false)).size > 0);
      expect((await zombie.lease(() => false)).size > 0).toBe(false);
      const late = zombie.settle([
        { kind: "dead", row: rows[1]!, reason: "x", attempts: 1, error: "x", haltsKey: false },
      ]);
      await expect(late).rejects.toMatchObject({ code: "WB_RELAY_LEASE_LOST" });
      expect(await f.store.counts()).toMatchObject({ waiting: 2, dead: 0 });
      await zombie.mark([rows[0]!]);
      expect(await f.store.counts()).toMatchObject({ waiting: 1 });
      await heir.release(true);
      await zombie.release(true);
    });

    check("published events can be kept for longer than there have been databases", async (f) => {
      const feed = await f.store.feed({
        owner: "keeper",
        leaseMs: 5_000,
        pollMs: 5,
        keepSentMs: Number.MAX_SAFE_INTEGER,
        clock: systemClock,
        onTrouble: () => undefined,
      });
      await feed.lease(() => false);
      await f.note(["kept"]);
      await feed.mark(await feed.claim({ max: 10, maxBytes: 1e6, skip: new Set(), exceptTopics: new Set() }));
      expect(await f.store.counts()).toMatchObject({ waiting: 0 });
      await feed.tidy();
      await feed.release(true);
    });

    check("a relay that was frozen past its lease takes up again where it stood", async (f) => {
      let frozen = false;
      f.recorder.beforeAnswer = async () => {
        await new Promise((resolve) => setImmediate(resolve));
        if (frozen || f.recorder.taken.length < 5) return;
        frozen = true;
        const until = performance.now() + 350;
        while (performance.now() < until);
      };
      const values = Array.from({ length: 30 }, (_, i) => i);
      await f.note(values, "k");
      await f.relay({ leaseMs: 300, batch: 5, concurrency: 1 });
      await f.recorder.count(30);
      expect([...new Set(f.recorder.data)]).toEqual(values);
    });

    check("drain publishes no more, says what was still in flight, and loses nothing", async (f) => {
      f.recorder.beforeAnswer = () => new Promise(() => undefined);
      await f.note(["slow"]);
      const relay = await f.relay({ leaseMs: 300 });
      await eventually(() => f.recorder.running === 1);
      await expect(relay.drain({ deadlineMs: 20 })).rejects.toMatchObject({ code: "WB_RELAY_DRAIN_DEADLINE" });
      expect(relay.status().state).toBe("closed");
      expect(await f.store.counts()).toMatchObject({ waiting: 1 });
      const second = new Recorder();
      await f.relay({ publisher: second, leaseMs: 300 });
      await second.count(1);
      expect(second.data).toEqual(["slow"]);
    });

    check("parked events are tried at once when an operator asks, in order", async (f) => {
      let refused = true;
      f.recorder.refuse = ({ data }) => (refused && data === "first" ? boom : undefined);
      await f.note(["first", "second"], "k");
      await f.note(["other"], "other");
      await f.relay({ retry: { initialMs: 3_600_000, maxMs: 3_600_000 } });
      await eventually(async () => (await f.store.counts()).parked === 2);
      refused = false;
      // The later one waits for the first alone.
      expect(await f.outbox.dead.retryParked()).toBe(1);
      await f.recorder.count(3);
      expect(f.recorder.data).toEqual(["other", "first", "second"]);
      expect(await f.outbox.dead.retryParked()).toBe(0);
    });

    check("waits while the pace says no", async (f) => {
      let open = false;
      let asked = 0;
      await f.note([1]);
      await f.relay({
        pace: () => {
          asked++;
          return open;
        },
      });
      await eventually(() => asked >= 2);
      expect(f.recorder.taken).toEqual([]);
      open = true;
      await f.recorder.count(1);
    });

    check("housekeeping that takes longer than a lease holds up neither events nor the lease", async (f) => {
      let aheadMs = 0;
      const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + aheadMs };
      const relay = await f.relay({ leaseMs: 1_000, clock, retention: { keepSentMs: 3_600_000 } });
      const rows = async () => {
        const query = (tx: Tx) => f.place.query(tx, "SELECT count(*) AS n FROM outbox_sent WHERE pos <= 50000");
        return Number((await f.store.transaction(query))[0]!.n);
      };
      await f.place.keepSlowRows(f.store);
      expect(await rows()).toBeGreaterThan(0);
      const leased = async () => (await f.store.overview()).relays.reduce((sum, { buckets }) => sum + buckets, 0);
      // Its time has come, and the relay has seen that its lease is as good as ever.
      aheadMs = 60_000;
      await eventually(() => relay.status().buckets === BUCKETS);
      const began = systemClock.monotonic();
      for (let i = 0; systemClock.monotonic() - began < 1_500; i++) {
        await f.note([i], "k");
        await f.recorder.count(i + 1);
        expect(await leased()).toBe(BUCKETS);
      }
      expect(await rows()).toBeGreaterThan(0);
      await eventually(async () => (await rows()) === 0);
    });
  });
}
