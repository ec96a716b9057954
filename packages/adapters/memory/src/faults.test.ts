import type { Receiver } from "@waybill/core/spi";
import { describe, expect, it } from "vitest";
import { createFaults, type FaultOptions } from "./faults.ts";
import { ack, all, message, signal, start, text, texts, want } from "./process.test.fixture.ts";

const every: Omit<FaultOptions, "seed"> = {
  duplicate: 0.05,
  reorderLanes: 0.3,
  loseLease: 0.03,
  throttle: 0.05,
  revokeLane: 0.05,
  failSend: 0.05,
  failSettle: 0.1,
  sendTimeoutAfterWrite: 0.05,
  failReceive: 0.05,
  crashBeforeAck: 0.05,
};

/** A publisher that tries until each message is taken, and a reader that acks all it gets: what was delivered, in order. */
async function run(like: (typeof all)[number], seed: number, odds = every): Promise<string[]> {
  const process = start({ like, faults: createFaults({ seed, ...odds }) });
  const sender = await process.adapter.openSender("orders");
  let open = Array.from({ length: 120 }, (_, index) => message(`${index}`, { key: `k${index % 11}` }));
  while (open.length > 0) {
    const batch = open.splice(0, 10);
    const outcomes = await sender.send(batch, signal).catch(() => undefined);
    open = [...batch.filter((_, index) => !outcomes?.[index]?.ok), ...open];
  }
  const receiver = await process.open();
  const trace: string[] = [];
  const left = async () => (await process.adapter.backlog!({ topic: "orders", subscription: "billing" })).events;
  for (let round = 0; (await left()) > 0 && round < 3_000; round++) {
    const receiving = receiver.receive(want(7), signal).catch(() => []);
    if (round % 10 === 9) await process.clock.advance(61_000);
    else await process.clock.advance(1_000);
    const deliveries = await receiving;
    trace.push(...deliveries.map((delivery) => `${delivery.lane} ${text(delivery)}`));
    await settleAll(receiver, deliveries.map(ack));
  }
  expect(await left()).toBe(0);
  return trace;
}

async function settleAll(receiver: Receiver, settlements: ReturnType<typeof ack>[]): Promise<void> {
  await receiver.settle(settlements, signal).catch(() => []);
}

describe.each(all)("faults of a broker like %s", (like) => {
  it("lose nothing, and come again from their seed", async () => {
    const first = await run(like, 42);
    expect(new Set(first.map((line) => line.split(" ")[1])).size).toBe(120);
    expect(await run(like, 42)).toEqual(first);
    expect(await run(like, 43)).not.toEqual(first);
  });
});

describe("each fault alone", () => {
  const sure = (name: Exclude<keyof FaultOptions, "seed">) => createFaults({ seed: 1, [name]: 1 });

  it("duplicate stores twice", async () => {
    const { send, open, everything } = start({ faults: sure("duplicate") });
    await send("orders", message("a"));
    expect(texts(await everything(await open()))).toHaveLength(2);
  });

  it("sendTimeoutAfterWrite stores, and answers transient", async () => {
    const { send, open, everything, adapter } = start({ faults: sure("sendTimeoutAfterWrite") });
    const [outcome] = await send("orders", message("a"));
    expect(outcome!.ok ? "" : adapter.classify(outcome!.error)).toBe("transient");
    expect(texts(await everything(await open()))).toEqual(["a"]);
  });

  it("failSend stores nothing, and within a call never lets a later message of a lane pass", async () => {
    const { adapter, open, everything } = start({ like: "kafka", faults: createFaults({ seed: 5, failSend: 0.5 }) });
    const sender = await adapter.openSender("orders");
    const outcomes = await sender.send(
      Array.from({ length: 40 }, (_, index) => message(`${index}`, { key: `k${index % 8}` })),
      signal,
    );
    const failed = new Set(outcomes.flatMap((outcome, index) => (outcome.ok ? [] : [`k${index % 8}`])));
    expect(failed.size).toBeGreaterThan(0);
    expect(failed.size).toBeLessThan(8);
    const stored = await everything(await open());
    for (const { message: kept } of stored) expect(failed.has(kept.key!)).toBe(false);
    expect(stored).toHaveLength(outcomes.filter(({ ok }) => ok).length);
  });

  it.each([
    ["throttle", "throttled"],
    ["failReceive", "transient"],
  ] as const)("%s throws from receive", async (name, kind) => {
    const { open, adapter } = start({ faults: sure(name) });
    const receiver = await open();
    expect(adapter.classify(await receiver.receive(want(), signal).catch((error: unknown) => error))).toBe(kind);
  });

  it.each([
    ["memory", "crashBeforeAck", "lost"],
    ["service-bus", "crashBeforeAck", "lost"],
    ["service-bus", "loseLease", "lost"],
    ["memory", "failSettle", "transient"],
    ["service-bus", "failSettle", "transient"],
  ] as const)("like %s, %s answers a settle with %s and the message comes again", async (like, name, kind) => {
    const { send, open, everything, adapter, clock } = start({ like, faults: sure(name) });
    const receiver = await open();
    await send("orders", message("a"));
    const [outcome] = await receiver.settle((await everything(receiver)).map(ack), signal);
    expect(outcome!.ok ? "" : adapter.classify(outcome!.error)).toBe(kind);
    await receiver.close();
    await clock.advance(60_000);
    expect(texts(await everything(await open()))).toEqual(["a"]);
  });

  it("reorderLanes keeps each lane's order", async () => {
    const { send, open } = start({ faults: createFaults({ seed: 3, reorderLanes: 1 }) });
    await send("orders", ...Array.from({ length: 80 }, (_, index) => message(`${index}`, { key: `k${index % 9}` })));
    const deliveries = await (await open()).receive(want(), signal);
    expect([...new Set(deliveries.map(({ lane }) => lane))]).not.toEqual([
      "orders/0",
      "orders/1",
      "orders/2",
      "orders/3",
    ]);
    for (const own of Map.groupBy(deliveries, (delivery) => delivery.message.key).values()) {
      expect(texts(own)).toEqual([...texts(own)].sort((a, b) => Number(a) - Number(b)));
    }
  });

  it("revokeLane takes a lane, which is read again", async () => {
    const { send, open, adapter } = start({ partitions: 1, faults: sure("revokeLane") });
    await send("orders", message("a"));
    const receiver = await open();
    const seen = [];
    for (let count = 0; count < 20; count++)
      seen.push(...(await Promise.race([receiver.receive(want(), signal), turn()])));
    expect(seen.length).toBeGreaterThan(1);
    expect(seen[0]!.lost.aborted).toBe(true);
    await adapter.close();
  });
});

const turn = () => new Promise<never[]>((resolve) => setImmediate(() => resolve([])));

describe("the broker's switches", () => {
  it("fail the next calls, as often as asked", async () => {
    const { send, open, adapter } = start({ like: "service-bus" });
    const { broker } = adapter;
    const receiver = await open();
    broker.failNext("send", "unauthorized", 2);
    for (let count = 0; count < 2; count++) {
      expect(adapter.classify(await send("orders", message("a")).catch((error: unknown) => error))).toBe(
        "unauthorized",
      );
    }
    expect(await send("orders", message("a"))).toMatchObject([{ ok: true }]);
    const own = new Error("mine");
    broker.failNext("receive", own);
    await expect(receiver.receive(want(), signal)).rejects.toBe(own);
    const [delivery] = await receiver.receive(want(), signal);
    broker.failNext("renew");
    await expect(receiver.renew!([delivery!], signal)).rejects.toMatchObject({ code: "WB_MEMORY_INJECTED" });
    broker.failNext("settle", "throttled");
    expect(adapter.classify(await receiver.settle([ack(delivery!)], signal).catch((error: unknown) => error))).toBe(
      "throttled",
    );
    expect(await receiver.settle([ack(delivery!)], signal)).toMatchObject([{ ok: true }]);
  });
});
