import assert from "node:assert/strict";
import type { ConformanceCase } from "../../case.ts";
import { gate, joinShop, openShop, publishOrders, type Visit, visitOf } from "./shop.ts";

const SOON = { attempts: 5, initialMs: 20, factor: 1 } as const;
const LATER_MS = 2_000;
const LATER = { attempts: 5, initialMs: LATER_MS, factor: 1, inPlaceMs: 0 } as const;

export const retryCases: readonly ConformanceCase[] = [
  {
    name: "retry/soon: attempts count 1, 2, 3 and stop when the handler succeeds",
    async run(stage) {
      const shop = await openShop(stage);
      const visits: Visit[] = [];
      await stage.run(
        shop.bus.subscribe(shop.orders, { name: "a", retry: SOON }, (event, context) => {
          visits.push(visitOf(event, context));
          if (context.attempt < 3) throw new Error("not yet");
        }),
        "subscribing",
      );
      await publishOrders(stage, shop, 1, () => "k");
      await stage.time.until(() => visits.length === 3, "three attempts");
      await stage.time.pass(stage.time.quietMs);
      assert.deepEqual(
        visits.map(({ attempt }) => attempt),
        [1, 2, 3],
      );
    },
  },
  {
    name: "retry/later: attempts count on after a long wait, and no other subscription sees them",
    async run(stage) {
      const shop = await openShop(stage, "a", "b");
      const { clock } = stage.time;
      const mine: { attempt: number; atMs: number }[] = [];
      const theirs: Visit[] = [];
      const subscription = await stage.run(
        shop.bus.subscribe(shop.orders, { name: "a", retry: LATER, order: "none" }, (_event, { attempt }) => {
          mine.push({ attempt, atMs: clock.now() });
          if (attempt < 3) throw new Error("not yet");
        }),
        "subscribing",
      );
      await stage.run(
        shop.bus.subscribe(shop.orders, { name: "b" }, (event, context) => void theirs.push(visitOf(event, context))),
        "subscribing",
      );
      await publishOrders(stage, shop, 1);
      await stage.time.until(() => mine.length === 3, "three attempts");
      await stage.time.pass(stage.time.quietMs);
      assert.deepEqual(
        mine.map(({ attempt }) => attempt),
        [1, 2, 3],
      );
      for (const index of [1, 2]) {
        const waited = mine[index]!.atMs - mine[index - 1]!.atMs;
        assert.ok(waited >= LATER_MS - 700, `attempt ${index + 1} came after ${waited} ms`);
      }
      assert.equal(theirs.length, 1, "the other subscription saw it once");
      stage.saw("later retries", subscription.guarantee.retry);
    },
  },
  {
    name: "retry/later: attempts count on in another instance",
    async run(stage) {
      const shop = await openShop(stage);
      const attempts: number[] = [];
      const subscription = await stage.run(
        shop.bus.subscribe(shop.orders, { name: "a", retry: LATER, order: "none" }, (_event, { attempt }) => {
          attempts.push(attempt);
          throw new Error("not here");
        }),
        "subscribing",
      );
      stage.only(subscription.guarantee.retry !== "in-place", "later attempts stay in one process");
      await publishOrders(stage, shop, 1);
      await stage.time.until(() => attempts.length === 1, "the first attempt");
      await stage.run(subscription.drain({ deadlineMs: 5_000 }), "a drain");
      const other = await joinShop(stage, shop.topic);
      await stage.run(
        other.bus.subscribe(other.orders, { name: "a", retry: LATER, order: "none" }, (_event, { attempt }) => {
          attempts.push(attempt);
        }),
        "subscribing",
      );
      await stage.time.until(() => attempts.length === 2, "the second attempt");
      assert.deepEqual(attempts, [1, 2]);
    },
  },
  {
    name: "retry: a failing event does not stop the others",
    async run(stage) {
      const shop = await openShop(stage);
      const done: number[] = [];
      const stubborn = gate();
      let open = false;
      void stubborn.passed.then(() => {
        open = true;
      });
      await stage.run(
        shop.bus.subscribe(
          shop.orders,
          { name: "a", concurrency: 2, retry: { attempts: 1_000, initialMs: 200, factor: 1, inPlaceMs: 10_000 } },
          (event, context) => {
            const { n } = visitOf(event, context);
            if (n === 0 && !open) throw new Error("not yet");
            done.push(n);
          },
        ),
        "subscribing",
      );
      await publishOrders(stage, shop, 60, (n) => (n === 0 ? "stubborn" : `k-${n % 12}`));
      await stage.time.until(() => done.length === 59, "all others are done");
      stubborn.open();
      await stage.time.until(() => done.length === 60, "and then this one");
    },
  },
  {
    name: "timeout: a handler that hangs has failed, is told, and is tried again",
    async run(stage) {
      const shop = await openShop(stage);
      const attempts: number[] = [];
      let told = false;
      await stage.run(
        shop.bus.subscribe(shop.orders, { name: "a", retry: SOON, handlerTimeoutMs: 600 }, async (_event, context) => {
          attempts.push(context.attempt);
          if (context.attempt > 1) return;
          await new Promise<void>((resolve) => context.signal.addEventListener("abort", () => resolve()));
          told = true;
        }),
        "subscribing",
      );
      await publishOrders(stage, shop, 1, () => "k");
      await stage.time.until(() => attempts.length === 2 && told, "a second attempt");
      await stage.time.pass(stage.time.quietMs);
      assert.deepEqual(attempts, [1, 2]);
    },
  },
];
