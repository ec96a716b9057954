import assert from "node:assert/strict";
import type { Inbox } from "@waybill/core";
import { sleep } from "@waybill/core/spi";
import type { ConformanceCase } from "../../case.ts";
import { gate, joinShop, openShop, orderPlaced, publishOrders, type Visit, visitOf } from "./shop.ts";

const SOON = { attempts: 10, initialMs: 20, factor: 1 } as const;

export const consumeCases: readonly ConformanceCase[] = [
  {
    name: "keys: events of a key are handled one after the other in order, also through failures",
    async run(stage) {
      const shop = await openShop(stage);
      const done = new Map<number, number[]>();
      const atWork = new Set<number>();
      let count = 0;
      const { clock } = stage.time;
      const subscription = await stage.run(
        shop.bus.subscribe(shop.orders, { name: "a", concurrency: 8, retry: SOON }, async (event, context) => {
          const { n } = visitOf(event, context);
          const key = n % 6;
          assert.ok(!atWork.has(key), "one of a key at a time");
          atWork.add(key);
          await sleep(clock, n % 4);
          atWork.delete(key);
          if (n % 5 === 0 && context.attempt < 3) throw new Error("not yet");
          done.set(key, [...(done.get(key) ?? []), n]);
          count++;
        }),
        "subscribing",
      );
      stage.only(subscription.guarantee.order === "per-key", "keeps no order");
      await publishOrders(stage, shop, 90, (n) => `k-${n % 6}`);
      await stage.time.until(() => count >= 90, "all are handled");
      for (const [key, numbers] of done) {
        assert.deepEqual(
          numbers,
          Array.from({ length: 15 }, (_, index) => key + 6 * index),
          `key ${key} in order, each once`,
        );
      }
    },
  },
  {
    name: "keys: a handler that hangs stops its own key at most",
    async run(stage) {
      const shop = await openShop(stage);
      const done: number[] = [];
      const stuck = gate();
      await stage.run(
        shop.bus.subscribe(shop.orders, { name: "a", concurrency: 3 }, async (event, context) => {
          const { n } = visitOf(event, context);
          if (n === 0) await stuck.passed;
          done.push(n);
        }),
        "subscribing",
      );
      // Every tenth is of the stuck key.
      await publishOrders(stage, shop, 200, (n) => (n % 10 === 0 ? "stuck" : `k-${n % 10}`));
      await stage.time.until(() => done.filter((n) => n % 10 !== 0).length === 180, "all other keys are done");
      assert.ok(!done.includes(0));
      stuck.open();
      await stage.time.until(() => done.length >= 200, "and then the stuck one");
    },
  },
  {
    name: "keys: a stuck key stops its lane at most, however much arrives behind it",
    async run(stage) {
      const shop = await openShop(stage);
      const laneOf = new Map<string, string | undefined>();
      const done: string[] = [];
      const stuck = gate();
      const options = { name: "a", concurrency: 3, maxInFlight: 32 } as const;
      const subscription = await stage.run(
        shop.bus.subscribe(shop.orders, options, async ({ id, partitionkey }, { delivery }) => {
          laneOf.set(partitionkey!, delivery.lane);
          if (id === "stuck") await stuck.passed;
          done.push(id);
        }),
        "subscribing",
      );
      stage.only(subscription.guarantee.order === "per-key", "keeps no order");
      await publishOrders(stage, shop, 16, (n) => `k-${n}`);
      await stage.time.until(() => done.length === 16, "every key's lane is known");
      const lane = laneOf.get("k-0");
      const events = Array.from({ length: 800 }, (_, n) =>
        orderPlaced({ n }, { id: n === 0 ? "stuck" : `p-${n}`, key: `k-${n % 16}` }),
      );
      const elsewhere = events.filter(({ key }) => laneOf.get(key!) !== lane).map(({ id }) => id);
      stage.only(elsewhere.length > 0, "the source has one lane");
      await stage.run(shop.bus.publish(shop.orders, events), "publishing");
      await stage.time.until(() => elsewhere.every((id) => done.includes(id)), "the other lanes are done");
      assert.ok(!done.includes("stuck"));
      stuck.open();
      await stage.time.until(() => done.length >= 816, "and then the stuck one");
      const ofStuckKey = done.filter((id) => id === "stuck" || Number(id.slice(2)) % 16 === 0);
      assert.deepEqual(
        ofStuckKey.slice(1),
        events.filter(({ key }) => key === "k-0").map(({ id }) => id),
        "in order",
      );
    },
  },
  {
    name: "dead letter: a key that is to halt stands, and the others go on",
    async run(stage) {
      const shop = await openShop(stage);
      const done: number[] = [];
      const options = { name: "a", afterDeadLetter: "halt-key", retry: { attempts: 1 } } as const;
      const subscription = await stage.run(
        shop.bus.subscribe(shop.orders, options, (event, context) => {
          const { n } = visitOf(event, context);
          if (n === 0) throw new Error("no");
          done.push(n);
        }),
        "subscribing",
      );
      stage.only(subscription.guarantee.order === "per-key", "keeps no order");
      await publishOrders(stage, shop, 12, (n) => (n % 3 === 0 ? "halted" : `k-${n % 3}`));
      await stage.time.until(() => done.length === 8 && shop.spy.count("deadLettered") === 1, "the others are done");
      await stage.time.pass(stage.time.quietMs);
      assert.ok(
        done.every((n) => n % 3 !== 0),
        "nothing more of the halted key",
      );
      await stage.run(subscription.drain({ deadlineMs: 5_000 }), "a drain");
      const next = await joinShop(stage, shop.topic);
      const later = new Set<number>();
      await stage.run(
        next.bus.subscribe(next.orders, { name: "a" }, (event, context) => void later.add(visitOf(event, context).n)),
        "subscribing",
      );
      await stage.time.until(() => [3, 6, 9].every((n) => later.has(n)), "the next consumer goes on with it");
    },
  },
  {
    name: "lease: a handler that works longer than a lease keeps its event",
    async run(stage) {
      const shop = await openShop(stage);
      const { lease } = (await stage.receiver(shop.adapter, shop.topic)).capabilities;
      if (lease === false || !lease.renewable) return stage.skip("has no lease that can be renewed");
      const { clock } = stage.time;
      const seen: string[] = [];
      let done = false;
      let lost = false;
      const options = { name: "a", handlerTimeoutMs: 10 * lease.ms } as const;
      await stage.run(
        shop.bus.subscribe(shop.orders, options, async ({ id }, { signal }) => {
          seen.push(id);
          await sleep(clock, 2.5 * lease.ms);
          lost = signal.aborted;
          done = true;
        }),
        "subscribing",
      );
      const other = await joinShop(stage, shop.topic);
      await publishOrders(stage, shop, 1);
      await stage.time.until(() => seen.length === 1, "the handler is at work");
      await stage.run(
        other.bus.subscribe(other.orders, options, ({ id }) => void seen.push(`again ${id}`)),
        "subscribing",
      );
      await stage.time.until(() => done, "the handler ends", 4 * lease.ms + 5_000);
      await stage.time.pass(1.2 * lease.ms);
      assert.equal(lost, false);
      assert.deepEqual(seen, ["o-0"], "nobody else got it");
    },
  },
  {
    name: "lost: a handler is told when its event is taken away, and the event comes again",
    async run(stage) {
      const { revoke } = stage.harness;
      if (revoke === undefined) return stage.skip("the harness cannot take anything away (Harness.revoke)");
      const shop = await openShop(stage);
      const told: boolean[] = [];
      await stage.run(
        shop.bus.subscribe(shop.orders, { name: "a" }, async (_event, { signal }) => {
          const visit = told.push(false) - 1;
          if (visit > 0) return;
          await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
          told[visit] = true;
        }),
        "subscribing",
      );
      await publishOrders(stage, shop, 1, () => "k");
      await stage.time.until(() => told.length === 1, "the handler is at work");
      await stage.run(revoke(shop.adapter, { topic: shop.topic, subscription: "a" }), "a revocation");
      await stage.time.until(() => told[0] === true, "it is told");
      await stage.time.until(() => told.length === 2, "the event comes again");
    },
  },
  {
    name: "inbox: a duplicate has no second effect",
    async run(stage) {
      const shop = await openShop(stage);
      const { dedupe } = (await stage.sender(shop.adapter, shop.topic)).capabilities;
      stage.only(!dedupe, "the broker drops duplicates itself");
      const known = new Set<string>();
      const inbox: Inbox<undefined> = {
        async process({ topic, subscription, source, id }, work) {
          const key = JSON.stringify([topic, subscription, source, id]);
          if (known.has(key)) return "duplicate";
          await work(undefined);
          known.add(key);
          return "processed";
        },
      };
      const visits: Visit[] = [];
      await stage.run(
        shop.bus.subscribe(
          shop.orders,
          { name: "a", inbox, concurrency: 1 },
          (event, context) => void visits.push(visitOf(event, context)),
        ),
        "subscribing",
      );
      await publishOrders(stage, shop, 3);
      await publishOrders(stage, shop, 3);
      await stage.time.until(() => shop.spy.count("duplicate") === 3, "three duplicates");
      assert.deepEqual(visits.map(({ id }) => id).sort(), ["o-0", "o-1", "o-2"]);
    },
  },
  {
    name: "share: two consumers of one subscription share its events",
    async run(stage) {
      const one = await openShop(stage);
      const two = await joinShop(stage, one.topic);
      const seen: string[] = [];
      for (const [name, shop] of Object.entries({ one, two })) {
        await stage.run(
          shop.bus.subscribe(shop.orders, { name: "a", concurrency: 2 }, ({ id }) => void seen.push(`${name} ${id}`)),
          "subscribing",
        );
      }
      // Readers that have just come may still be shifting lanes.
      await stage.time.pass(stage.time.quietMs);
      await publishOrders(stage, one, 100, (n) => `k-${n}`);
      const unique = () => new Set(seen.map((line) => line.split(" ")[1])).size;
      await stage.time.until(() => unique() === 100, "all are handled");
      await stage.time.pass(stage.time.quietMs);
      assert.equal(seen.length, 100, "each once");
    },
  },
];
