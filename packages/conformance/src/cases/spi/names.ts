import assert from "node:assert/strict";
import type { ConformanceCase } from "../../case.ts";
import { ids } from "../../events.ts";

const HOSTILE = [
  "",
  "Orders",
  "orders_all",
  "orders--all",
  "-orders",
  "orders-",
  "orders.all",
  "../orders",
  "orders?x=1",
  "orders#1",
  "orders all",
  "orders\n",
  "ördérs",
  "%2e%2e",
  "__proto__",
  "o".repeat(51),
];

export const nameCases: readonly ConformanceCase[] = [
  {
    name: "names: what the grammar excludes is refused as a topic",
    async run(stage) {
      const adapter = await stage.open();
      for (const topic of HOSTILE) {
        const what = JSON.stringify(topic);
        await assert.rejects(
          stage.run(
            Promise.resolve().then(() => adapter.openSender(topic)),
            what,
          ),
          `a sender on ${what}`,
        );
        const source = { topic, subscription: "a", startFrom: "earliest" } as const;
        await assert.rejects(
          stage.run(
            Promise.resolve().then(() => adapter.openReceiver(source)),
            what,
          ),
          `a receiver on ${what}`,
        );
      }
    },
  },
  {
    name: "names: what the grammar excludes is refused as a subscription",
    async run(stage) {
      const topic = await stage.topic("a");
      const adapter = await stage.open();
      for (const subscription of HOSTILE) {
        const source = { topic, subscription, startFrom: "earliest" } as const;
        const opening = Promise.resolve().then(() => adapter.openReceiver(source));
        await assert.rejects(stage.run(opening, JSON.stringify(subscription)), JSON.stringify(subscription));
      }
    },
  },
  {
    name: "names: topics and subscriptions whose names join to the same are kept apart",
    async run(stage) {
      const base = await stage.topic("b-c", "c");
      const longer = await stage.declare(`${base}-b`, ["c"]);
      const adapter = await stage.open();
      const wanted = await stage.receiver(adapter, base, "b-c");
      const other = await stage.receiver(adapter, longer, "c");
      await stage.publish(await stage.sender(adapter, base), ids(2), "k");
      await stage.drainIds(wanted, ids(2));
      await stage.nothing(other, `${longer}/c gets nothing of ${base}/b-c`);
    },
  },
  {
    name: "names: the longest names work or are refused when they are opened",
    async run(stage) {
      const short = await stage.topic("x");
      const topic = await stage.declare(`${short}-${"t".repeat(49 - short.length)}`, ["s".repeat(50)]);
      assert.equal(topic.length, 50);
      let opened: unknown;
      try {
        const adapter = await stage.open();
        const receiver = await stage.receiver(adapter, topic, "s".repeat(50));
        const sender = await stage.sender(adapter, topic);
        await stage.publish(sender, ["e-0"]);
        assert.deepEqual(await stage.drainIds(receiver, ["e-0"]), ["e-0"]);
      } catch (error) {
        opened = error;
      }
      if (opened === undefined) return;
      const { code, name } = opened as { code?: unknown; name?: unknown };
      assert.ok(name === "WaybillError" && /NAME/.test(String(code)), `refused by name: ${String(opened)}`);
    },
  },
  {
    name: "names: two instances of one name mean the same entity",
    async run(stage) {
      const topic = await stage.topic("a");
      const receiver = await stage.receiver(await stage.open(), topic);
      const sender = await stage.sender(await stage.open(), topic);
      await stage.publish(sender, ids(2));
      assert.deepEqual((await stage.drainIds(receiver, ids(2))).sort(), ids(2));
    },
  },
];
