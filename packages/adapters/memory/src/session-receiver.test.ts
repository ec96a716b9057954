import { ManualClock } from "@waybill/core/testing";
import { describe, expect, it } from "vitest";
import { createMemoryBroker } from "./broker/broker.ts";
import { ack, message, release, signal, start, texts } from "./process.test.fixture.ts";

const like = "service-bus-sessions";
const keyed = (count: number, keys: number) =>
  Array.from({ length: count }, (_, index) => message(`${index}`, { key: `k${index % keys}` }));

describe("a queue with sessions", () => {
  it("keeps a key in one session, in order, and settles each message by itself", async () => {
    const { send, open, everything, clock } = start({ like });
    await send("orders", ...keyed(100, 9));
    const receiver = await open();
    const deliveries = await everything(receiver);
    for (const [key, own] of Map.groupBy(deliveries, (delivery) => delivery.message.key)) {
      expect(new Set(own.map(({ lane }) => lane)).size).toBe(1);
      expect(texts(own)).toEqual(
        keyed(100, 9)
          .filter((sent) => sent.key === key)
          .map(({ id }) => id),
      );
    }
    const kept = deliveries.filter((_, index) => index % 3 === 0);
    await receiver.settle(deliveries.filter((_, index) => index % 3 !== 0).map(ack), signal);
    await clock.advance(60_000);
    expect(texts(await everything(receiver)).sort()).toEqual(texts(kept).sort());
  });

  it("gives a session to one consumer at a time, and its whole lease with any of its messages", async () => {
    const broker = createMemoryBroker({ clock: new ManualClock() });
    const [one, two] = [start({ like, broker }), start({ like, broker })];
    const [a, b] = [await one.open(), await two.open()];
    await one.send("orders", ...keyed(6, 1));
    const held = await one.everything(a, 2);
    expect(held).toHaveLength(6);
    await one.send("orders", message("late", { key: "k0" }));
    expect(await two.everything(b)).toEqual([]);
    await one.clock.advance(59_000);
    expect(await a.renew!([held[0]!], signal)).toMatchObject([{ ok: true }]);
    await one.clock.advance(59_000);
    expect(await a.settle([ack(held[5]!)], signal)).toMatchObject([{ ok: true }]);
    await one.clock.advance(1_000);
    const after = await two.everything(b);
    expect(texts(after)).toEqual(["0", "1", "2", "3", "4", "late"]);
    expect(after[0]!.deliveryCount).toBe(2);
    expect(held[0]!.lost.aborted).toBe(true);
    expect(await a.settle([ack(held[0]!)], signal)).toMatchObject([{ ok: false }]);
  });

  it("puts what is released back at the head of its session", async () => {
    const { send, open, everything } = start({ like });
    const receiver = await open();
    await send("orders", ...keyed(4, 1));
    const [a, b] = await everything(receiver);
    await send("orders", message("4", { key: "k0" }));
    await receiver.settle([release(b!), release(a!)], signal);
    expect(texts(await everything(receiver))).toEqual(["0", "1", "4"]);
  });

  it("frees its sessions when it closes, and only after the lease when it crashes", async () => {
    const broker = createMemoryBroker({ clock: new ManualClock() });
    const processes = [start({ like, broker }), start({ like, broker }), start({ like, broker })];
    const [one, two, three] = processes as [(typeof processes)[0], (typeof processes)[0], (typeof processes)[0]];
    await one.send("orders", ...keyed(3, 1));
    const a = await one.open();
    expect(await one.everything(a)).toHaveLength(3);
    await a.close();
    const b = await two.open();
    expect(await two.everything(b)).toHaveLength(3);
    two.adapter.crash();
    const c = await three.open();
    await three.clock.advance(59_999);
    expect(await three.everything(c)).toEqual([]);
    await three.clock.advance(1);
    expect(texts(await three.everything(c))).toEqual(["0", "1", "2"]);
  });

  it("refuses an ack after the session's lease, also when nobody has looked since", async () => {
    const { send, open, everything, clock } = start({ like });
    const receiver = await open();
    await send("orders", ...keyed(2, 1));
    const held = await everything(receiver);
    await clock.advance(60_000);
    expect(await receiver.settle(held.map(ack), signal)).toMatchObject([{ ok: false }, { ok: false }]);
    expect(texts(await everything(receiver))).toEqual(["0", "1"]);
  });

  it("loses a session when a test says so", async () => {
    const { send, open, everything, adapter } = start({ like });
    const receiver = await open();
    await send("orders", ...keyed(3, 1));
    const held = await everything(receiver);
    expect(held[0]!.lost).toBe(held[1]!.lost);
    expect(adapter.broker.loseLease("1")).toBe(1);
    expect(held[0]!.lost.aborted).toBe(true);
    expect(texts(await everything(receiver))).toEqual(["0", "1", "2"]);
    expect(adapter.broker.revokeLanes("orders/billing")).toBe(1);
  });
});
