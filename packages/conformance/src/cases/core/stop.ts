import assert from "node:assert/strict";
import type { ConformanceCase } from "../../case.ts";
import { gate, joinShop, openShop, orderPlaced, publishOrders, type Visit, visitOf } from "./shop.ts";

export const stopCases: readonly ConformanceCase[] = [
  {
    name: "crash: a consumer that dies in the middle of its handlers loses nothing",
    async run(stage) {
      const topic = await stage.topic("a");
      const probe = await stage.receiver(await stage.open(), topic);
      const { adapter, crash } = await stage.openMortal(probe);
      await stage.run(probe.close(), "closing");
      const doomed = await joinShop(stage, topic, adapter);
      const finished = new Set<number>();
      const never = gate();
      let hanging = 0;
      const options = { name: "a", concurrency: 4 } as const;
      await stage.run(
        doomed.bus.subscribe(doomed.orders, options, async (event, context) => {
          const { n } = visitOf(event, context);
          if (n >= 12) {
            hanging++;
            await never.passed;
            return;
          }
          finished.add(n);
        }),
        "subscribing",
      );
      const shop = await joinShop(stage, topic);
      await publishOrders(stage, shop, 40, (n) => `k-${n % 8}`);
      await stage.time.until(() => hanging === 4, "handlers are at work");
      // What was finished is acked meanwhile: an ack that covers too much would now take the others along.
      await stage.time.pass(stage.time.quietMs / 5);
      await crash();
      const again = new Set<number>();
      await stage.run(
        shop.bus.subscribe(shop.orders, options, (event, context) => void again.add(visitOf(event, context).n)),
        "subscribing",
      );
      const all = () => new Set([...finished, ...again]).size;
      await stage.time.until(() => all() === 40, "everything is handled by somebody");
      never.open();
      for (let n = 12; n < 40; n++) assert.ok(again.has(n), `event ${n} was not finished and came again`);
    },
  },
  {
    name: "drain: what is at work is finished, the rest goes to the next consumer",
    async run(stage) {
      const shop = await openShop(stage);
      const first: number[] = [];
      const work = gate();
      let atWork = 0;
      const options = { name: "a", concurrency: 2 } as const;
      const subscription = await stage.run(
        shop.bus.subscribe(shop.orders, options, async (event, context) => {
          atWork++;
          await work.passed;
          first.push(visitOf(event, context).n);
        }),
        "subscribing",
      );
      // One of each key at a time: where a lane is acked up to a position, what was finished behind an unfinished event of another key would come again.
      for (let from = 0; from < 20; from += 5) {
        const events = Array.from({ length: 5 }, (_, key) => orderPlaced({ n: from + key }, { key: `k-${key}` }));
        await stage.run(shop.bus.publish(shop.orders, events), "publishing");
      }
      await stage.time.until(() => atWork === 2, "two handlers at work");
      const draining = subscription.drain({ deadlineMs: 60_000 });
      await stage.time.pass(50);
      work.open();
      assert.deepEqual(await stage.run(draining, "a drain"), { abandoned: 0 });
      assert.equal(first.length, 2, "nothing new was begun");
      const next = await joinShop(stage, shop.topic);
      const second: number[] = [];
      await stage.run(
        next.bus.subscribe(next.orders, options, (event, context) => void second.push(visitOf(event, context).n)),
        "subscribing",
      );
      await stage.time.until(() => second.length >= 18, "the next one gets the rest");
      await stage.time.pass(stage.time.quietMs);
      assert.deepEqual(
        [...first, ...second].sort((a, b) => a - b),
        [...Array(20).keys()],
        "each once",
      );
    },
  },
  {
    name: "drain: what is given back has used no attempt up",
    async run(stage) {
      const shop = await openShop(stage);
      const work = gate();
      let atWork = 0;
      const options = { name: "a", concurrency: 1, order: "none" } as const;
      const subscription = await stage.run(
        shop.bus.subscribe(shop.orders, options, async () => {
          atWork++;
          await work.passed;
        }),
        "subscribing",
      );
      await publishOrders(stage, shop, 6, (n) => `k-${n}`);
      await stage.time.until(() => atWork === 1, "a handler at work");
      await stage.time.pass(stage.time.quietMs / 5);
      const draining = subscription.drain({ deadlineMs: 60_000 });
      await stage.time.pass(50);
      work.open();
      await stage.run(draining, "a drain");
      const next = await joinShop(stage, shop.topic);
      const attempts: number[] = [];
      await stage.run(
        next.bus.subscribe(next.orders, options, (_event, { attempt }) => void attempts.push(attempt)),
        "subscribing",
      );
      await stage.time.until(() => attempts.length >= 5, "the next one gets the rest");
      assert.deepEqual(attempts, [1, 1, 1, 1, 1]);
    },
  },
  {
    name: "drain: once asked for, no further handler begins",
    async run(stage) {
      const shop = await openShop(stage);
      const work = gate();
      const begun: string[] = [];
      const subscription = await stage.run(
        shop.bus.subscribe(shop.orders, { name: "a", concurrency: 1 }, async ({ id }) => {
          begun.push(id);
          await work.passed;
        }),
        "subscribing",
      );
      await publishOrders(stage, shop, 5, () => "k");
      await stage.time.until(() => begun.length === 1, "a handler at work");
      await stage.time.pass(stage.time.quietMs / 5);
      const draining = subscription.drain({ deadlineMs: 60_000 });
      work.open();
      await stage.run(draining, "a drain");
      assert.equal(begun.length, 1);
    },
  },
  {
    name: "drain: at its deadline handlers are told, and their events come again",
    async run(stage) {
      const shop = await openShop(stage);
      let told = false;
      let atWork = false;
      const never = gate();
      const subscription = await stage.run(
        shop.bus.subscribe(shop.orders, { name: "a" }, async (_event, { signal }) => {
          atWork = true;
          signal.addEventListener("abort", () => {
            told = true;
          });
          await never.passed;
        }),
        "subscribing",
      );
      await publishOrders(stage, shop, 1);
      await stage.time.until(() => atWork, "a handler at work");
      assert.deepEqual(await stage.run(subscription.drain({ deadlineMs: 300 }), "a drain"), { abandoned: 1 });
      assert.equal(told, true);
      never.open();
      const next = await joinShop(stage, shop.topic);
      const visits: Visit[] = [];
      await stage.run(
        next.bus.subscribe(next.orders, { name: "a" }, (event, context) => void visits.push(visitOf(event, context))),
        "subscribing",
      );
      await stage.time.until(() => visits.length === 1, "it comes again");
    },
  },
  {
    name: "pause: nothing is handled until it is resumed, and then everything",
    async run(stage) {
      const shop = await openShop(stage);
      const seen: number[] = [];
      const subscription = await stage.run(
        shop.bus.subscribe(shop.orders, { name: "a" }, (event, context) => void seen.push(visitOf(event, context).n)),
        "subscribing",
      );
      for (let round = 0; round < 2; round++) {
        await subscription.pause();
        await stage.time.pass(stage.time.quietMs / 5);
        const before = seen.length;
        const { bus, orders } = shop;
        await stage.run(
          bus.publish(
            orders,
            [0, 1, 2].map((n) => orderPlaced({ n }, { id: `p-${round}-${n}`, key: "k" })),
          ),
          "publishing",
        );
        await stage.time.pass(stage.time.quietMs);
        assert.equal(seen.length, before, "nothing while paused");
        await subscription.resume();
        await stage.time.until(() => seen.length === before + 3, "then everything");
      }
    },
  },
];
