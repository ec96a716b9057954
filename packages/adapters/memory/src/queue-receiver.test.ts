import type { DeadLetterStore, Delivery } from "@waybill/core/spi";
import { ManualClock } from "@waybill/core/testing";
import { describe, expect, it } from "vitest";
import { createMemoryBroker } from "./broker/broker.ts";
import { profiles } from "./capabilities.ts";
import { ack, message, reject, release, signal, start, text, texts, want } from "./process.test.fixture.ts";

const LEASE_MS = { "storage-queue": 30_000, "service-bus": 60_000, "event-grid": 60_000, "event-grid-webhook": 30_000 };

describe.each(["storage-queue", "service-bus", "event-grid", "event-grid-webhook"] as const)(
  "a queue like %s",
  (like) => {
    it("leases each message to one consumer, and gives it again when the lease has ended", async () => {
      const { send, open, everything, clock } = start({ like });
      const [one, two] = [await open(), await open()];
      await send("orders", message("a"));
      const [first] = await everything(one);
      expect(first!.deliveryCount).toBe(1);
      expect(first!.leaseUntil!.getTime()).toBe(clock.now() + LEASE_MS[like]);
      await clock.advance(LEASE_MS[like] - 1);
      expect(await everything(two)).toEqual([]);
      const waiting = two.receive(want(), signal);
      await clock.advance(1);
      const [second] = await waiting;
      expect(text(second!)).toBe("a");
      expect(second!.deliveryCount).toBe(2);
      expect(first!.lost.aborted).toBe(true);
      expect(await one.settle([ack(first!)], signal)).toMatchObject([{ ok: false }]);
      expect(await two.settle([ack(second!)], signal)).toMatchObject([{ ok: true }]);
      await clock.advance(LEASE_MS[like] * 2);
      expect(await everything(one)).toEqual([]);
    });

    it("settles each by itself", async () => {
      const { send, open, everything, clock, adapter } = start({ like });
      await send("orders", message("a"), message("b"), message("c"));
      const receiver = await open();
      const deliveries = await everything(receiver);
      await receiver.settle([ack(deliveries[1]!)], signal);
      expect(await adapter.backlog!({ topic: "orders", subscription: "billing" })).toMatchObject({ events: 2 });
      await clock.advance(LEASE_MS[like]);
      expect(texts(await everything(receiver)).sort()).toEqual(["a", "c"]);
    });

    it("answers a second settlement of one delivery as lost", async () => {
      const { send, open, everything, adapter } = start({ like });
      await send("orders", message("a"));
      const receiver = await open();
      const [delivery] = await everything(receiver);
      const [first, second] = await receiver.settle([ack(delivery!), ack(delivery!)], signal);
      expect(first!.ok).toBe(true);
      expect(second!.ok ? "" : adapter.classify(second!.error)).toBe("lost");
    });

    it("copies to every subscription, and settles each copy apart", async () => {
      const { send, open, everything } = start({ like });
      const [billing, audit] = [await open("billing"), await open("audit")];
      await send("orders", message("a"));
      await billing.settle((await everything(billing)).map(ack), signal);
      expect(texts(await everything(audit))).toEqual(["a"]);
    });

    it("renews as its capabilities say", async () => {
      const { send, open, everything, clock, adapter } = start({ like });
      await send("orders", message("a"), message("b"));
      const receiver = await open();
      const [first] = await receiver.receive(want(1), signal);
      await clock.advance(LEASE_MS[like] - 10);
      const [second] = await receiver.receive(want(1), signal);
      const before = (first!.raw as { receipt: number }).receipt;
      const [renewed] = await receiver.renew!([first!], signal);
      const { lease } = profiles[like].receiver;
      if (lease === false || !lease.renewable) {
        expect(renewed!.ok ? "" : adapter.classify(renewed!.error)).toBe("invalid");
        return;
      }
      expect(renewed).toEqual({ ok: true, value: new Date(clock.now() + LEASE_MS[like]) });
      expect((first!.raw as { receipt: number }).receipt).not.toBe(before);
      await clock.advance(LEASE_MS[like] - 10);
      expect(await everything(receiver)).toEqual([]);
      expect(await receiver.settle([ack(first!), ack(second!)], signal)).toMatchObject([{ ok: true }, { ok: true }]);
      expect(await receiver.renew!([first!], signal)).toMatchObject([{ ok: false }]);
    });

    it("tells who listens that the lease is over, on time and without being asked", async () => {
      const { send, open, everything, clock } = start({ like });
      await send("orders", message("a"), message("b"));
      const receiver = await open();
      const [a, b] = await everything(receiver);
      const heard: string[] = [];
      a!.lost.addEventListener("abort", () => heard.push("a"));
      b!.lost.addEventListener("abort", () => heard.push("b"));
      await receiver.settle([ack(b!)], signal);
      await clock.advance(LEASE_MS[like] - 1);
      expect(heard).toEqual([]);
      await clock.advance(1);
      expect(heard).toEqual(["a"]);
      expect(clock.pending).toBe(0);
    });

    it("ends leases of different ages each on time while somebody listens", async () => {
      const { send, open, clock } = start({ like });
      await send("orders", message("a"), message("b"));
      const receiver = await open();
      const heard: number[] = [];
      const startMs = clock.now();
      for (let count = 0; count < 2; count++) {
        const [delivery] = await receiver.receive(want(1), signal);
        delivery!.lost.addEventListener("abort", () => heard.push(clock.now() - startMs));
        await clock.advance(5_000);
      }
      await clock.advance(2 * LEASE_MS[like]);
      expect(heard).toEqual([LEASE_MS[like], LEASE_MS[like] + 5_000]);
    });

    it("gives a crashed consumer's messages out when their leases end, not before", async () => {
      const broker = createMemoryBroker({ clock: new ManualClock() });
      const [one, two] = [start({ like, broker }), start({ like, broker })];
      await one.send("orders", message("a"));
      const dead = await one.open();
      const held = await one.everything(dead);
      one.adapter.crash();
      await expect(dead.settle(held.map(ack), signal)).rejects.toMatchObject({ code: "WB_MEMORY_CLOSED" });
      await expect(one.send("orders", message("b"))).rejects.toMatchObject({ code: "WB_MEMORY_CLOSED" });
      const receiver = await two.open();
      await two.clock.advance(LEASE_MS[like] - 1);
      expect(await two.everything(receiver)).toEqual([]);
      await two.clock.advance(1);
      expect(texts(await two.everything(receiver))).toEqual(["a"]);
    });

    it("never hands out more than one call may, in number and in bytes", async () => {
      const { send, open } = start({ like });
      const { maxReceiveBatch } = profiles[like].receiver;
      const receiver = await open();
      for (let index = 0; index < maxReceiveBatch + 5; index++) {
        await send("orders", message(`${index}`, { body: new Uint8Array(10) }));
      }
      expect(await receiver.receive(want(1, { maxBytes: 1 }), signal)).toHaveLength(1);
      expect(await receiver.receive(want(10, { maxBytes: 35 }), signal)).toHaveLength(3);
      expect(await receiver.receive(want(10_000), signal)).toHaveLength(maxReceiveBatch);
    });

    it("refuses an ack that comes too late, also when nobody has looked since", async () => {
      const { send, open, everything, clock } = start({ like });
      await send("orders", message("a"));
      const receiver = await open();
      const [delivery] = await everything(receiver);
      await clock.advance(LEASE_MS[like]);
      expect(await receiver.settle([ack(delivery!)], signal)).toMatchObject([{ ok: false }]);
      expect(texts(await everything(receiver))).toEqual(["a"]);
    });

    it("gives what came back out before what is newer", async () => {
      const { send, open, everything, clock } = start({ like });
      await send("orders", message("a"), message("b"), message("c"));
      const receiver = await open();
      await receiver.receive(want(2), signal);
      await clock.advance(LEASE_MS[like]);
      expect(texts(await everything(receiver))).toEqual(["a", "b", "c"]);
    });

    it("loses a lease when a test says so", async () => {
      const { send, open, everything, adapter } = start({ like });
      const receiver = await open();
      await send("orders", message("a"));
      const [first] = await everything(receiver);
      expect(adapter.broker.loseLease(first!.message.id)).toBe(1);
      expect(first!.lost.aborted).toBe(true);
      expect((await everything(receiver))[0]!.deliveryCount).toBe(2);
    });
  },
);

it("renews one of several leases without touching the others", async () => {
  const { send, open, everything, clock } = start({ like: "storage-queue" });
  await send("orders", message("a"), message("b"), message("c"));
  const receiver = await open();
  const [a, b, c] = await everything(receiver);
  await clock.advance(20_000);
  await receiver.renew!([a!], signal);
  await receiver.renew!([b!], signal);
  await clock.advance(10_000);
  expect(texts(await everything(receiver))).toEqual(["c"]);
  expect(c!.lost.aborted).toBe(true);
  await receiver.settle([ack(a!)], signal);
  await clock.advance(20_000);
  expect(texts(await everything(receiver))).toEqual(["b"]);
});

describe("release", () => {
  const held = async (like: keyof typeof LEASE_MS) => {
    const process = start({ like });
    const receiver = await process.open();
    await process.send("orders", message("a"));
    const [delivery] = await process.everything(receiver);
    return { ...process, receiver, delivery: delivery! };
  };

  /** After how long a released message comes again. */
  const comesAfter = async (like: keyof typeof LEASE_MS, delayMs: number): Promise<number> => {
    const { receiver, delivery, clock, everything } = await held(like);
    const startMs = clock.now();
    expect(await receiver.settle([release(delivery, delayMs)], signal)).toMatchObject([{ ok: true }]);
    let [again] = await everything(receiver);
    while (again === undefined) {
      const waiting = receiver.receive(want(), signal);
      await clock.advance(1_000);
      [again] = await waiting;
    }
    expect(again.deliveryCount).toBe(2);
    return clock.now() - startMs;
  };

  it("waits as long as asked, like storage-queue", async () => {
    expect(await comesAfter("storage-queue", 0)).toBe(0);
    expect(await comesAfter("storage-queue", 7_000)).toBe(7_000);
  });

  it("is refused beyond the limit, like storage-queue", async () => {
    const { receiver, delivery, adapter } = await held("storage-queue");
    const [outcome] = await receiver.settle([release(delivery, 8 * 86_400_000)], signal);
    expect(outcome!.ok ? "" : adapter.classify(outcome!.error)).toBe("invalid");
  });

  it("is immediate, like service-bus", async () => {
    expect(await comesAfter("service-bus", 60_000)).toBe(0);
  });

  it("takes the next step, like event-grid", async () => {
    expect(await comesAfter("event-grid", 0)).toBe(0);
    expect(await comesAfter("event-grid", 11_000)).toBe(60_000);
    expect(await comesAfter("event-grid", 86_400_000)).toBe(3_600_000);
  });

  it("leaves the time to the broker, like event-grid-webhook", async () => {
    expect(await comesAfter("event-grid-webhook", 0)).toBe(30_000);
  });

  it.each([
    ["service-bus", "3"],
    ["event-grid", undefined],
    // What is no event has no place for it there.
    ["storage-queue", undefined],
  ] as const)("like %s: the attempt on the message is %s", async (like, attempt) => {
    const { receiver, delivery, everything } = await held(like);
    await receiver.settle([{ delivery, kind: "release", delayMs: 0, attempt: 3 }], signal);
    const [again] = await everything(receiver);
    expect(again!.message.headers.wbattempt).toBe(attempt);
  });

  it("like storage-queue: the attempt stands in the event's document, and replaces the one before", async () => {
    const document = JSON.stringify({ specversion: "1.0", id: "1", source: "/s", type: "t" });
    const body = new TextEncoder().encode(document);
    const process = start({ like: "storage-queue" });
    await process.send("orders", message("a", { body }));
    const receiver = await process.open();
    for (const attempt of [2, 3]) {
      const [delivery] = await process.everything(receiver);
      await receiver.settle([{ delivery: delivery!, kind: "release", delayMs: 0, attempt }], signal);
    }
    const [again] = await process.everything(receiver);
    expect(text(again!)).toBe(document.replace("{", '{"wbattempt":"3",'));
  });
});

describe("the broker's own dead letters", () => {
  const store = async (process: ReturnType<typeof start>): Promise<DeadLetterStore> =>
    process.adapter.openDeadLetters!({ topic: "orders", subscription: "billing" });

  it.each(["service-bus", "service-bus-sessions"] as const)("take what is rejected, like %s", async (like) => {
    const process = start({ like });
    const receiver = await process.open();
    const named = (id: string) => message(id, { headers: { ce_id: id } });
    await process.send("orders", named("a"), named("b"));
    const [a, b] = await process.everything(receiver);
    expect(await receiver.settle([reject(a!), ack(b!)], signal)).toMatchObject([{ ok: true }, { ok: true }]);
    const dead = await store(process);
    for (let look = 0; look < 2; look++) {
      const [record, ...none] = await dead.browse(10, signal);
      expect(none).toEqual([]);
      expect(record).toMatchObject({
        id: a!.message.id,
        headers: { ce_id: text(a!), wbreason: "rejected", wbattempts: "1" },
      });
    }
    const [delivery] = await dead.receive(want(), signal);
    expect(await dead.settle([ack(delivery!)], signal)).toMatchObject([{ ok: true }]);
    expect(await dead.browse(10, signal)).toEqual([]);
    expect(await dead.receive(want(), signal)).toEqual([]);
    expect(process.clock.pending).toBe(0);
  });

  it.each(["service-bus", "service-bus-sessions"] as const)(
    "take what was delivered too often, like %s",
    async (like) => {
      const process = start({ like });
      const receiver = await process.open();
      await process.send("orders", message("a"));
      for (let count = 1; count <= 10; count++) {
        const [delivery] = await process.everything(receiver);
        expect(delivery!.deliveryCount).toBe(count);
        await receiver.settle([release(delivery!)], signal);
      }
      expect(await process.everything(receiver)).toEqual([]);
      const [record] = await (await store(process)).browse(1, signal);
      expect(record!.headers.wbreason).toBe("max-deliveries");
    },
  );

  it("stay with the message while they cannot be written", async () => {
    const process = start({ like: "service-bus" });
    const receiver = await process.open();
    await process.send("orders", message("a"));
    const [delivery] = await process.everything(receiver);
    process.adapter.broker.deadLetterDown(true);
    const [outcome] = await receiver.settle([reject(delivery!)], signal);
    expect(outcome!.ok ? "" : process.adapter.classify(outcome!.error)).toBe("transient");
    process.adapter.broker.deadLetterDown(false);
    expect(await receiver.settle([reject(delivery!)], signal)).toMatchObject([{ ok: true }]);
  });

  it("of logs like memory are browsed where copies went", async () => {
    const process = start();
    await process.send("orders/billing/dead", message("a", { headers: { wbreason: "rejected" } }), message("b"));
    const dead = await store(process);
    expect((await dead.browse(1, signal)).map(({ id }) => id)).toEqual(["a"]);
    const [a, b] = await dead.receive(want(), signal);
    expect((await dead.browse(5, signal)).map(({ id }) => id)).toEqual(["a", "b"]);
    expect(await dead.settle([ack(a!), release(b!)], signal)).toMatchObject([{ ok: true }, { ok: true }]);
    expect(texts(await dead.receive(want(), signal))).toEqual(["b"]);
    expect(dead.returnTo).toBe("orders/billing");
  });

  it.each(["storage-queue", "event-hubs", "kafka"] as const)("are read as a topic, like %s", async (like) => {
    const process = start({ like });
    expect(process.adapter.openDeadLetters).toBeUndefined();
    await process.send("orders/billing/dead", message("a"));
    const receiver = await process.adapter.openReceiver({
      topic: "orders/billing/dead",
      subscription: "redrive",
      startFrom: "earliest",
    });
    const found: Delivery[] = await process.everything(receiver);
    expect(texts(found)).toEqual(["a"]);
    expect(await receiver.settle(found.map(ack), signal)).toMatchObject([{ ok: true }]);
    process.adapter.broker.deadLetterDown(true);
    await expect(process.send("orders/billing/dead", message("b"))).rejects.toMatchObject({
      code: "WB_MEMORY_INJECTED",
    });
  });
});
