import assert from "node:assert/strict";
import { type DeadLetterRecord, type DeadLetters, isWaybillError, PermanentError } from "@waybill/core";
import { type Adapter, decodeDeadLetter } from "@waybill/core/spi";
import type { ConformanceCase } from "../../case.ts";
import { idOf } from "../../events.ts";
import type { Stage } from "../../stage.ts";
import { joinShop, openShop, orderPaid, ordersTopic, publishOrders, type Shop, type Visit, visitOf } from "./shop.ts";

const TWICE = { attempts: 2, initialMs: 20, factor: 1 } as const;

/** Looks until so many records are there. */
async function listed(stage: Stage, letters: DeadLetters, count: number): Promise<readonly DeadLetterRecord[]> {
  for (let round = 0; ; round++) {
    const records = await stage.run(letters.list(), "listing dead letters");
    if (records.length >= count) return records;
    assert.ok(round < 60, `${count} dead letters, not ${records.length}`);
    await stage.time.pass(stage.time.quietMs / 5);
  }
}

/** A subscription `a` that handles nothing but what `accepts`, and `b` that takes everything. */
async function picky(stage: Stage, accepts: () => boolean, options: { unknown?: "dead-letter" } = {}) {
  const shop = await openShop(stage, "a", "b");
  const visits: Visit[] = [];
  const theirs: Visit[] = [];
  const subscription = await stage.run(
    shop.bus.subscribe(shop.orders, { name: "a", retry: TWICE, ...options }, (event, context) => {
      visits.push(visitOf(event, context));
      if (!accepts()) throw new Error("out of stock");
    }),
    "subscribing",
  );
  await stage.run(
    shop.bus.subscribe(shop.orders, { name: "b" }, (event, context) => void theirs.push(visitOf(event, context))),
    "subscribing",
  );
  return { ...shop, subscription, visits, theirs, letters: shop.bus.deadLetters(shop.topic, "a") };
}

/** What a foreign producer put there is dead-lettered with this reason, byte for byte, and the next event is handled. */
async function givenUp(stage: Stage, body: Uint8Array, reason: string, options: { unknown?: "dead-letter" } = {}) {
  const shop = await picky(stage, () => true, options);
  await stage.put(shop.topic, { id: "f-1", body, headers: {} });
  await stage.run(shop.bus.publish(shop.orders, orderPaid({ n: 1 })), "publishing");
  await stage.time.until(() => shop.visits.length === 1, "the next event is handled");
  const [record] = await listed(stage, shop.letters, 1);
  assert.equal(record!.reason?.reason, reason);
  assert.equal(record!.reason?.attempts, 1);
  assert.deepEqual([...record!.original.body!], [...body], "the original byte for byte");
  assert.equal(shop.visits.length, 1, "the handler never saw it");
  return record!;
}

const document = (type: string, data: unknown) =>
  Buffer.from(JSON.stringify({ specversion: "1.0", id: "f-1", source: "/other", type, data }));

/** An instance whose sends are refused while `refuses`; everything else passes. */
function refusingSends(adapter: Adapter, refuses: () => boolean): Adapter {
  const refusal = new Error("This destination refuses.");
  return {
    name: adapter.name,
    openReceiver: (source) => adapter.openReceiver(source),
    async openSender(topic) {
      const sender = await adapter.openSender(topic);
      return {
        capabilities: sender.capabilities,
        measure: (message) => sender.measure?.(message) ?? 0,
        send: async (messages, signal) =>
          refuses() ? messages.map(() => ({ ok: false, error: refusal }) as const) : sender.send(messages, signal),
        close: () => sender.close(),
      };
    },
    classify: (error) => (error === refusal ? "invalid" : adapter.classify(error)),
    health: (signal) => adapter.health(signal),
    close: () => adapter.close(),
  };
}

/** A process whose dead letters of `topic` go to `graves`, which refuses while `refuses`. */
async function gravesShop(stage: Stage, topic: string, graves: string, refuses: () => boolean): Promise<Shop> {
  const adapter = await stage.open();
  const joined = await joinShop(stage, topic, adapter);
  const adapters = { main: adapter, other: refusingSends(await stage.open(), refuses) };
  const bus = stage.bus(adapter, { adapters, topics: { [topic]: "main", [graves]: "other" }, observers: [joined.spy] });
  return { ...joined, bus, orders: ordersTopic(topic) };
}

export const busDeadLetterCases: readonly ConformanceCase[] = [
  {
    name: "dead letter: after the last attempt it stands there whole, with the reason",
    async run(stage) {
      const shop = await picky(stage, () => false);
      await publishOrders(stage, shop, 1, () => "k");
      await stage.time.until(() => shop.spy.count("deadLettered") === 1, "it is given up");
      const [record] = await listed(stage, shop.letters, 1);
      assert.equal(record!.id, "o-0");
      assert.deepEqual(record!.event, shop.theirs[0]?.event ?? record!.event, "the event as the other one got it");
      const { reason, attempts, topic, subscription, error, firstFailure, time } = record!.reason!;
      assert.deepEqual(
        { reason, attempts, topic, subscription },
        { reason: "handler-failed", attempts: 2, topic: shop.topic, subscription: "a" },
      );
      assert.match(error, /out of stock/);
      assert.ok(Date.parse(firstFailure) <= Date.parse(time));
      assert.deepEqual(
        shop.visits.map(({ attempt }) => attempt),
        [1, 2],
      );
      await stage.time.until(() => shop.theirs.length === 1, "the other subscription got it once");
      stage.saw("dead-lettering", shop.subscription.guarantee.deadLetter);
    },
  },
  {
    name: "dead letter: looking at them twice shows the same",
    async run(stage) {
      const shop = await picky(stage, () => false);
      await publishOrders(stage, shop, 3, (n) => `k-${n}`);
      const idsOfList = async () => (await listed(stage, shop.letters, 3)).map(({ id }) => id).sort();
      assert.deepEqual(await idsOfList(), ["o-0", "o-1", "o-2"]);
      assert.deepEqual(await idsOfList(), ["o-0", "o-1", "o-2"]);
    },
  },
  {
    name: "dead letter: a redrive brings it back to that subscription alone, as redriven",
    async run(stage) {
      let open = false;
      const shop = await picky(stage, () => open);
      // Before there is anything to read: lanes that move would bring again what is not committed yet.
      const looking = await stage.receiver(await stage.open(), shop.topic);
      const { returnTo } = looking;
      // A reader that takes nothing would keep the lanes that it was given.
      await stage.run(looking.close(), "closing a receiver");
      await publishOrders(stage, shop, 2, (n) => `k-${n}`);
      await stage.time.until(
        () => shop.spy.count("deadLettered") === 2 && shop.theirs.length === 2,
        "both are given up",
      );
      const before = shop.visits.length;
      open = true;
      await listed(stage, shop.letters, 2);
      if (returnTo === undefined) {
        const refused = stage.run(shop.letters.redrive(), "a redrive");
        await assert.rejects(refused, (error) => isWaybillError(error, "WB_REDRIVE_UNSUPPORTED"));
        assert.equal((await listed(stage, shop.letters, 2)).length, 2, "and they are still there");
        return;
      }
      assert.deepEqual(await stage.run(shop.letters.redrive(), "a redrive"), { done: 2, skipped: 0 });
      await stage.time.until(() => shop.visits.length === before + 2, "both come back");
      await stage.time.pass(stage.time.quietMs);
      const back = shop.visits.slice(before);
      assert.deepEqual(back.map(({ id }) => id).sort(), ["o-0", "o-1"]);
      for (const { attempt, redriven } of back) assert.deepEqual({ attempt, redriven }, { attempt: 1, redriven: true });
      assert.equal(shop.theirs.length, 2, "the other subscription saw none of it again");
      assert.deepEqual(await stage.run(shop.bus.deadLetters(shop.topic, "a").list(), "listing"), [], "none is left");
    },
  },
  {
    name: "dead letter: purging takes only what was chosen",
    async run(stage) {
      const shop = await picky(stage, () => false);
      await publishOrders(stage, shop, 3, (n) => `k-${n}`);
      await stage.time.until(() => shop.spy.count("deadLettered") === 3, "all are given up");
      await listed(stage, shop.letters, 3);
      const purged = await stage.run(shop.letters.purge({ filter: ({ id }) => id !== "o-1" }), "purging");
      assert.equal(purged.done, 2);
      await shop.letters.close();
      const left = await listed(stage, shop.bus.deadLetters(shop.topic, "a"), 1);
      assert.deepEqual(
        left.map(({ id }) => id),
        ["o-1"],
      );
    },
  },
  {
    name: "dead letter: bytes that are no event are kept as `undecodable`",
    async run(stage) {
      const record = await givenUp(stage, Uint8Array.of(0xff, 0xfe, 0x00, 0x7b, 0x22, 0xc3, 0x28), "undecodable");
      assert.equal(record.event, undefined);
    },
  },
  {
    name: "dead letter: an event whose data does not match is kept as `invalid`",
    async run(stage) {
      const record = await givenUp(stage, document("com.example.order.placed", { n: "seven" }), "invalid");
      assert.equal(record.id, "f-1");
      assert.match(record.reason!.error, /n must be a number/);
    },
  },
  {
    name: "dead letter: an unknown type is kept on request",
    async run(stage) {
      await givenUp(stage, document("com.example.unknown", null), "unknown-type", { unknown: "dead-letter" });
    },
  },
  {
    name: "dead letter: a handler that says never again is not tried again",
    async run(stage) {
      const { bus, orders, topic, spy, ...shop } = await openShop(stage);
      let tries = 0;
      await stage.run(
        bus.subscribe(orders, { name: "a" }, () => {
          tries++;
          throw new PermanentError("no such customer");
        }),
        "subscribing",
      );
      await publishOrders(stage, { bus, orders, topic, spy, ...shop }, 1);
      const [record] = await listed(stage, bus.deadLetters(topic, "a"), 1);
      assert.equal(record!.reason?.reason, "rejected");
      assert.equal(tries, 1);
    },
  },
  {
    name: "dead letter: while its destination refuses, the event waits and is not lost",
    async run(stage) {
      const topic = await stage.topic("a");
      const graves = await stage.topic("g");
      let refusals = 2;
      const shop = await gravesShop(stage, topic, graves, () => refusals-- > 0);
      const grave = await stage.receiver(shop.adapter, graves, "g");
      let tries = 0;
      await stage.run(
        shop.bus.subscribe(shop.orders, { name: "a", deadLetterTo: graves }, () => {
          tries++;
          throw new PermanentError("no");
        }),
        "subscribing",
      );
      await publishOrders(stage, shop, 1);
      const record = await stage.takeOne(grave);
      assert.equal(idOf({ message: decodeDeadLetter(record.message).original }), "o-0");
      // A lease that cannot be renewed may end meanwhile: then the broker asks again.
      if (shop.spy.count("lost") === 0) assert.equal(tries, 1, "the handler is not asked again");
      assert.ok(shop.spy.count("trouble") >= 2, "the trouble is told");
    },
  },
  {
    name: "dead letter: a consumer that ends while its destination refuses gives the event back",
    async run(stage) {
      const topic = await stage.topic("a");
      const graves = await stage.topic("g");
      const shop = await gravesShop(stage, topic, graves, () => true);
      const options = { name: "a", deadLetterTo: graves } as const;
      const subscription = await stage.run(
        shop.bus.subscribe(shop.orders, options, () => {
          throw new PermanentError("no");
        }),
        "subscribing",
      );
      await publishOrders(stage, shop, 1);
      await stage.time.until(() => shop.spy.count("trouble") >= 1, "the destination refuses");
      await stage.run(subscription.drain({ deadlineMs: 5_000 }), "a drain");
      const next = await joinShop(stage, topic);
      const visits: Visit[] = [];
      await stage.run(
        next.bus.subscribe(next.orders, { name: "a" }, (event, context) => void visits.push(visitOf(event, context))),
        "subscribing",
      );
      await stage.time.until(() => visits.length === 1, "the next consumer gets it");
      assert.equal(visits[0]!.id, "o-0");
    },
  },
];
