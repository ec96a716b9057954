import { describe, expect, it } from "vitest";
import { ack, message, release, signal, start, text, texts, want } from "./process.test.fixture.ts";

const keyed = (count: number, keys = 7) =>
  Array.from({ length: count }, (_, index) => message(`${index}`, { key: `k${index % keys}` }));

describe.each(["memory", "event-hubs", "kafka"] as const)("a log like %s", (like) => {
  it("keeps the order of a key, in one lane", async () => {
    const { send, open, everything } = start({ like });
    await send("orders", ...keyed(200));
    const deliveries = await everything(await open());
    expect(deliveries).toHaveLength(200);
    for (let key = 0; key < 7; key++) {
      const own = deliveries.filter(({ message: { key: is } }) => is === `k${key}`);
      expect(new Set(own.map(({ lane }) => lane)).size).toBe(1);
      expect(texts(own)).toEqual(
        keyed(200)
          .map(({ id }) => id)
          .filter((id) => Number(id) % 7 === key),
      );
    }
    expect(new Set(deliveries.map(({ lane }) => lane)).size).toBeGreaterThan(1);
  });

  it("gives every subscription every message, published before it came or after", async () => {
    const { send, open, everything } = start({ like, subscriptions: {} });
    await send("orders", message("early"));
    const billing = await open("billing");
    const audit = await open("audit");
    const late = await open("late", "latest");
    await send("orders", message("later"));
    expect(texts(await everything(billing)).sort()).toEqual(["early", "later"]);
    expect(texts(await everything(audit)).sort()).toEqual(["early", "later"]);
    expect(texts(await everything(late))).toEqual(["later"]);
  });

  it("begins where the last commit was: an ack covers all before it in its lane, and nothing of another", async () => {
    const { send, open, everything } = start({ like });
    await send("orders", ...keyed(40));
    const first = await open();
    const deliveries = await everything(first);
    const lanes = Map.groupBy(deliveries, ({ lane }) => lane);
    const [one, other] = [...lanes.values()];
    expect(await first.settle([ack(one![2]!)], signal)).toEqual([{ ok: true, value: undefined }]);
    await first.close();
    const again = await everything(await open());
    expect(texts(again.filter(({ lane }) => lane === one![0]!.lane))).toEqual(texts(one!.slice(3)));
    expect(texts(again.filter(({ lane }) => lane === other![0]!.lane))).toEqual(texts(other!));
  });

  it("never moves a position back", async () => {
    const { send, open, everything } = start({ like, partitions: 1 });
    await send("orders", ...keyed(4));
    const receiver = await open();
    const [a, , c] = await everything(receiver);
    await receiver.settle([ack(c!), ack(a!)], signal);
    await receiver.close();
    expect(texts(await everything(await open()))).toEqual(["3"]);
  });

  it("can neither release nor reject", async () => {
    const { send, open, everything, adapter } = start({ like });
    await send("orders", message("a"));
    const receiver = await open();
    const [delivery] = await everything(receiver);
    const [outcome] = await receiver.settle([release(delivery!)], signal);
    expect(outcome!.ok).toBe(false);
    if (!outcome!.ok) expect(adapter.classify(outcome!.error)).toBe("invalid");
    expect(delivery!.deliveryCount).toBeUndefined();
    expect(delivery!.leaseUntil).toBeUndefined();
  });

  it("leaves paused lanes out and takes them up again where they were", async () => {
    const { send, open, everything } = start({ like });
    await send("orders", ...keyed(100));
    const receiver = await open();
    const first = await receiver.receive(want(1), signal);
    const lane = first[0]!.lane!;
    const others = await receiver.receive(want(1_000, { pausedLanes: new Set([lane]) }), signal);
    expect(others.length).toBeGreaterThan(0);
    expect(others.some((delivery) => delivery.lane === lane)).toBe(false);
    const rest = await everything(receiver);
    expect(rest.some((delivery) => delivery.lane === lane)).toBe(true);
    expect(new Set(texts([...first, ...others, ...rest])).size).toBe(100);
  });

  it("respects the bytes that are wanted, but always hands one message over", async () => {
    const { send, open } = start({ like, partitions: 1 });
    const body = new Uint8Array(100);
    await send("orders", message("a", { body }), message("b", { body }), message("c", { body }));
    const receiver = await open();
    expect(await receiver.receive(want(10, { maxBytes: 10 }), signal)).toHaveLength(1);
    expect(await receiver.receive(want(10, { maxBytes: 250 }), signal)).toHaveLength(2);
  });

  it("brings a copy on topic/subscription to that subscription alone", async () => {
    const { send, open, everything } = start({ like });
    const billing = await open("billing");
    const audit = await open("audit");
    expect(billing.returnTo).toBe("orders/billing");
    await send(billing.returnTo!, message("again"));
    const deliveries = await everything(billing);
    expect(texts(deliveries)).toEqual(["again"]);
    expect(await everything(audit)).toEqual([]);
    await billing.settle(deliveries.map(ack), signal);
    await billing.close();
    expect(await everything(await open("billing"))).toEqual([]);
  });

  it("wakes an idle receive when something is published, and ends it after a second otherwise", async () => {
    const { send, open, clock } = start({ like });
    const receiver = await open();
    const woken = receiver.receive(want(), signal);
    await send("orders", message("a"));
    expect(texts(await woken)).toEqual(["a"]);
    const idle = receiver.receive(want(), signal);
    let answered = false;
    void idle.then(() => {
      answered = true;
    });
    await clock.advance(999);
    expect(answered).toBe(false);
    await clock.advance(1);
    expect(await idle).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it("answers an aborted receive at once and loses nothing by it", async () => {
    const { send, open, everything, clock } = start({ like });
    const receiver = await open();
    const stop = new AbortController();
    const receiving = receiver.receive(want(), stop.signal);
    stop.abort();
    expect(await receiving).toEqual([]);
    await send("orders", message("a"));
    expect(await receiver.receive(want(), stop.signal)).toEqual([]);
    expect(texts(await everything(receiver))).toEqual(["a"]);
    expect(clock.pending).toBe(0);
  });

  it("forgets what every subscription has committed, and nothing before", async () => {
    const { send, open, everything, adapter } = start({ like, partitions: 1, retain: 0 });
    const billing = await open("billing");
    for (let batch = 0; batch < 30; batch++) await send("orders", ...keyed(300));
    const deliveries = await everything(billing);
    await billing.settle([ack(deliveries.at(-1)!)], signal);
    const [log] = [...adapter.broker.logs.values()].filter(({ name }) => name === "orders");
    expect(log!.partitions[0]!.start).toBe(0);
    const audit = await open("audit");
    const seen = await everything(audit);
    expect(seen).toHaveLength(9_000);
    await audit.settle([ack(seen[5_000]!)], signal);
    expect(log!.partitions[0]!.start).toBe(5_001);
    expect(await adapter.backlog!({ topic: "orders", subscription: "audit" })).toMatchObject({ events: 3_999 });
    expect(await adapter.backlog!({ topic: "orders", subscription: "billing" })).toEqual({ events: 0 });
  });

  it("tells the age of the oldest that waits", async () => {
    const { send, adapter, clock } = start({ like });
    await send("orders", message("a", { key: "a" }));
    await clock.advance(500);
    await send("orders", message("b", { key: "b" }));
    await clock.advance(100);
    expect(await adapter.backlog!({ topic: "orders", subscription: "billing" })).toEqual({ events: 2, oldestMs: 600 });
    expect(await adapter.backlog!({ topic: "orders", subscription: "nobody" })).toEqual({ events: 0 });
  });
});

it("memory schedules, to the millisecond", async () => {
  const { send, open, everything, clock } = start();
  const receiver = await open();
  await send("orders", message("later", { notBefore: new Date(clock.now() + 700) }), message("now"));
  expect(texts(await everything(receiver))).toEqual(["now"]);
  const woken = receiver.receive(want(), signal);
  await clock.advance(699);
  let text0: string | undefined;
  void woken.then(([delivery]) => {
    text0 = delivery === undefined ? "nothing" : text(delivery);
  });
  expect(text0).toBeUndefined();
  await clock.advance(1);
  expect(text0).toBe("later");
});

it("memory carries 200 000 messages through and keeps none of them", async () => {
  const { adapter, open } = start({ subscriptions: {} });
  const sender = await adapter.openSender("orders");
  const receiver = await open();
  const batch = keyed(1_000, 97);
  let received = 0;
  for (let round = 0; round < 200; round++) {
    await sender.send(batch, signal);
    const deliveries = await receiver.receive(want(), signal);
    received += deliveries.length;
    const newest = new Map(deliveries.map((delivery) => [delivery.lane, delivery]));
    await receiver.settle([...newest.values()].map(ack), signal);
  }
  expect(received).toBe(200_000);
  expect(await adapter.backlog!({ topic: "orders", subscription: "billing" })).toEqual({ events: 0 });
  const { partitions } = adapter.broker.logs.get("orders")!;
  for (const { start: first, end } of partitions) expect(end - first).toBeLessThan(1_024);
});
