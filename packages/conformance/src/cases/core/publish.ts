import assert from "node:assert/strict";
import { isWaybillError, type Outcome } from "@waybill/core";
import type { ConformanceCase } from "../../case.ts";
import { openShop, orderPaid, orderPlaced, publishOrders, type Visit, visitOf } from "./shop.ts";

export const publishCases: readonly ConformanceCase[] = [
  {
    name: "bus: a typed event arrives as it was published",
    async run(stage) {
      const { bus, orders } = await openShop(stage);
      const visits: Visit[] = [];
      await stage.run(
        bus.subscribe(orders, { name: "a" }, (event, context) => void visits.push(visitOf(event, context))),
        "subscribing",
      );
      const options = {
        id: "o-1",
        key: "customer/1",
        subject: "ünï",
        extensions: { tenant: "t1", priority: 5, urgent: true },
      };
      const event = orderPlaced({ n: 1, text: "€ \u{1f4e6}" }, options);
      await stage.run(bus.publish(orders, event), "publishing");
      await stage.time.until(() => visits.length === 1, "the handler gets it");
      const got = visits[0]!.event;
      const { id, time, type, data } = event;
      const { key: partitionkey, subject, extensions } = options;
      const attributes = { specversion: "1.0", source: "/conformance", datacontenttype: "application/json" };
      assert.deepEqual({ ...got }, { ...attributes, id, time, type, data, subject, partitionkey, ...extensions });
      assert.equal(visits[0]!.attempt, 1);
      assert.equal(visits[0]!.redriven, false);
    },
  },
  {
    name: "bus: many events, many subscriptions: each gets each once",
    async run(stage) {
      const shop = await openShop(stage, "a", "b");
      const seen = { a: [] as number[], b: [] as number[] };
      for (const name of ["a", "b"] as const) {
        await stage.run(
          shop.bus.subscribe(
            shop.orders,
            { name },
            (event, context) => void seen[name].push(visitOf(event, context).n),
          ),
          "subscribing",
        );
      }
      await publishOrders(stage, shop, 100, (n) => `k-${n % 7}`);
      await stage.time.until(() => seen.a.length >= 100 && seen.b.length >= 100, "both get all");
      await stage.time.pass(stage.time.quietMs);
      for (const name of ["a", "b"] as const) {
        assert.equal(new Set(seen[name]).size, 100);
        assert.equal(seen[name].length, 100, "without faults nothing comes twice");
      }
    },
  },
  {
    name: "bus: concurrent publishes of one key arrive in call order",
    async run(stage) {
      const { bus, orders } = await openShop(stage);
      const seen: number[] = [];
      const subscription = await stage.run(
        bus.subscribe(orders, { name: "a" }, (event, context) => void seen.push(visitOf(event, context).n)),
        "subscribing",
      );
      stage.only(subscription.guarantee.order === "per-key", "keeps no order");
      const calls = Array.from({ length: 200 }, (_, n) => bus.publish(orders, orderPlaced({ n }, { key: "k" })));
      await stage.run(Promise.all(calls), "publishing");
      await stage.time.until(() => seen.length >= 200, "all arrive");
      assert.deepEqual(seen, [...seen.keys()]);
    },
  },
  {
    name: "bus: an event that is too large is refused alone",
    async run(stage) {
      const { bus, orders, adapter, topic } = await openShop(stage);
      const { maxMessageBytes } = (await stage.sender(adapter, topic)).capabilities;
      stage.only(maxMessageBytes <= 32 * 1024 * 1024, "its limit is beyond what this suite sends");
      const seen: number[] = [];
      await stage.run(
        bus.subscribe(orders, { name: "a" }, (event, context) => void seen.push(visitOf(event, context).n)),
        "subscribing",
      );
      const text = "x".repeat(maxMessageBytes + 1);
      const events = [orderPlaced({ n: 0 }), orderPlaced({ n: 1, text }), orderPlaced({ n: 2 })];
      const failure: unknown = await stage.run(
        bus.publish(orders, events).then(
          () => undefined,
          (error: unknown) => error,
        ),
        "publishing",
      );
      assert.ok(isWaybillError(failure, "WB_PUBLISH_FAILED"), String(failure));
      const outcomes = (failure as unknown as { outcomes: readonly Outcome[] }).outcomes;
      assert.deepEqual(
        outcomes.map(({ ok }) => ok),
        [true, false, true],
      );
      const { error } = outcomes[1] as { error: unknown };
      assert.ok(isWaybillError(error, "WB_EVENT_TOO_LARGE"), String(error));
      await stage.time.until(() => seen.length === 2, "its neighbours arrive");
      await stage.time.pass(stage.time.quietMs);
      assert.deepEqual(seen.sort(), [0, 2]);
    },
  },
  {
    name: "bus: an event for later is held back, or refused where the broker cannot",
    async run(stage) {
      const { bus, orders, adapter, topic } = await openShop(stage);
      const { schedule } = (await stage.sender(adapter, topic)).capabilities;
      const { clock } = stage.time;
      const seen: number[] = [];
      await stage.run(
        bus.subscribe(orders, { name: "a" }, () => void seen.push(clock.now())),
        "subscribing",
      );
      const notBefore = new Date(clock.now() + 2_000);
      const publishing = stage.run(bus.publish(orders, orderPlaced({ n: 1 }, { notBefore })), "publishing");
      if (schedule === false) {
        await assert.rejects(publishing, (error) => isWaybillError(error, "WB_SCHEDULE_UNSUPPORTED"));
        stage.saw("schedule", "no");
        return;
      }
      await publishing;
      await stage.time.until(() => seen.length === 1, "it arrives");
      assert.ok(seen[0]! >= notBefore.getTime() - 700, "not before its time");
    },
  },
  {
    name: "bus: order is kept, or refused where it is required and cannot be",
    async run(stage) {
      const { bus, orders, adapter, topic } = await openShop(stage);
      const { order } = (await stage.receiver(adapter, topic)).capabilities;
      const opening = stage.run(
        bus.subscribe(orders, { name: "a", order: "required" }, () => undefined),
        "subscribing",
      );
      if (order === "lane") {
        const { guarantee } = await opening;
        assert.equal(guarantee.order, "per-key");
        stage.saw("guaranteed order", guarantee.order);
        return;
      }
      await assert.rejects(opening, (error) => isWaybillError(error, "WB_ORDER_UNSUPPORTED"));
      const { guarantee } = await stage.run(
        bus.subscribe(orders, { name: "a", order: "preferred" }, () => undefined),
        "subscribing",
      );
      assert.equal(guarantee.order, "none", "and it says so");
      stage.saw("guaranteed order", guarantee.order);
    },
  },
  {
    name: "bus: a foreign event in structured mode is understood",
    async run(stage) {
      const { bus, orders, topic } = await openShop(stage);
      const visits: Visit[] = [];
      await stage.run(
        bus.subscribe(orders, { name: "a" }, (event, context) => void visits.push(visitOf(event, context))),
        "subscribing",
      );
      const document =
        '{ "type": "com.example.order.placed", "specversion": "1.0", "source": "urn:other", "id": "f-1",\n' +
        ' "datacontenttype": "application/json", "comexampleext": "v", "data": {"n": 7} }';
      const contentType = "application/cloudevents+json; charset=UTF-8";
      await stage.put(topic, { id: "f-1", body: Buffer.from(document), headers: {}, contentType });
      await stage.time.until(() => visits.length === 1, "the handler gets it");
      const { event, n } = visits[0]!;
      assert.deepEqual([n, event.id, event.source, event.comexampleext], [7, "f-1", "urn:other", "v"]);
    },
  },
  {
    name: "bus: a foreign event in binary mode is understood",
    async run(stage) {
      const { bus, orders, topic, adapter } = await openShop(stage);
      stage.only((await stage.sender(adapter, topic)).capabilities.headers, "has no headers");
      const visits: Visit[] = [];
      await stage.run(
        bus.subscribe(orders, { name: "a" }, (event, context) => void visits.push(visitOf(event, context))),
        "subscribing",
      );
      const headers = {
        ce_specversion: "1.0",
        ce_type: "com.example.order.placed",
        ce_source: "urn:other",
        ce_id: "f-1",
        ce_comexampleext: "v",
      };
      const body = Buffer.from('{"n": 7}');
      await stage.put(topic, { id: "f-1", body, headers, contentType: "application/json" });
      await stage.time.until(() => visits.length === 1, "the handler gets it");
      const { event, n } = visits[0]!;
      assert.deepEqual([n, event.id, event.source, event.comexampleext], [7, "f-1", "urn:other", "v"]);
    },
  },
  {
    name: "bus: a type that the topic does not define is acked and counted",
    async run(stage) {
      const { bus, orders, topic, spy } = await openShop(stage);
      const visits: Visit[] = [];
      await stage.run(
        bus.subscribe(orders, { name: "a" }, (event, context) => void visits.push(visitOf(event, context))),
        "subscribing",
      );
      const event = { specversion: "1.0", id: "u-1", source: "/other", type: "com.example.unknown" } as const;
      assert.ok((await stage.run(bus.publishRaw(topic, event), "publishing")).ok);
      await stage.run(bus.publish(orders, orderPaid({ n: 1 })), "publishing");
      await stage.time.until(() => spy.count("ignored") === 1 && visits.length === 1, "one ignored, one handled");
    },
  },
];
