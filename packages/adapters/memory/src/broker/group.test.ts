import type { Delivery, Receiver } from "@waybill/core/spi";
import { ManualClock } from "@waybill/core/testing";
import { describe, expect, it } from "vitest";
import { ack, message, signal, start, texts } from "../process.test.fixture.ts";
import { createMemoryBroker } from "./broker.ts";

const four = ["a", "b", "c", "d", "e", "f", "g", "h"].map((id) => message(id, { key: id }));

function twoProcesses(leaseMs = 10_000) {
  const broker = createMemoryBroker({ clock: new ManualClock() });
  const one = start({ like: "kafka", broker, leaseMs });
  const two = start({ like: "kafka", broker, leaseMs });
  return { broker, one, two };
}

const lanesOf = (deliveries: readonly Delivery[]) => new Set(deliveries.map(({ lane }) => lane!));

describe("the lanes of a group", () => {
  it("are shared by its members, each lane with one", async () => {
    const { one, two } = twoProcesses();
    const a = await one.open();
    const b = await two.open();
    await one.send("orders", ...Array.from({ length: 64 }, (_, index) => message(`${index}`, { key: `k${index}` })));
    const [left, right] = [await one.everything(a), await two.everything(b)];
    expect(lanesOf(left).size).toBe(2);
    expect(lanesOf(right).size).toBe(2);
    expect([...lanesOf(left)].filter((lane) => lanesOf(right).has(lane))).toEqual([]);
    expect(new Set(texts([...left, ...right])).size).toBe(64);
  });

  it("move to a newcomer as few as evenness asks; what moved is lost to the old reader and read again from its commit", async () => {
    const { one, two } = twoProcesses();
    const a = await one.open();
    await one.send("orders", ...four);
    const before = await one.everything(a);
    expect(before).toHaveLength(8);
    const signals = before.map(({ lost }) => lost);
    const b = await two.open();
    const moved = before.filter((_, index) => signals[index]!.aborted);
    const stayed = before.filter((_, index) => !signals[index]!.aborted);
    expect([...lanesOf(moved)].filter((lane) => lanesOf(stayed).has(lane))).toEqual([]);
    expect(moved.length).toBeGreaterThan(0);
    expect(stayed.length).toBeGreaterThan(0);
    const outcomes = await a.settle(before.map(ack), signal);
    expect(before.filter((_, index) => !outcomes[index]!.ok)).toEqual(moved);
    for (const outcome of outcomes) if (!outcome.ok) expect(one.adapter.classify(outcome.error)).toBe("lost");
    expect(texts(await two.everything(b)).sort()).toEqual(texts(moved).sort());
    expect(await one.everything(a)).toEqual([]);
  });

  it("share one signal each", async () => {
    const { one } = twoProcesses();
    await one.send("orders", ...four);
    const byLane = Map.groupBy(await one.everything(await one.open()), ({ lane }) => lane);
    for (const deliveries of byLane.values()) expect(new Set(deliveries.map(({ lost }) => lost)).size).toBe(1);
    expect(new Set([...byLane.values()].map(([first]) => first!.lost)).size).toBe(byLane.size);
  });

  it("are free at once when a member closes", async () => {
    const { one, two } = twoProcesses();
    const a = await one.open();
    const b = await two.open();
    await one.send("orders", ...four);
    await two.everything(b);
    await two.adapter.close();
    expect(await one.everything(a)).toHaveLength(8);
  });

  it("stay with a crashed member until its session is over, then are read again from the last commit", async () => {
    const { one, two } = twoProcesses(10_000);
    const a = await one.open();
    const b = await two.open();
    await one.send("orders", ...four);
    const [mine, theirs] = [await one.everything(a), await two.everything(b)];
    await a.settle(mine.map(ack), signal);
    await b.settle([ack(theirs[0]!)], signal);
    two.adapter.crash();
    await expect(b.settle(theirs.map(ack), signal)).rejects.toMatchObject({ code: "WB_MEMORY_CLOSED" });
    await one.clock.advance(9_999);
    expect(await one.everything(a)).toEqual([]);
    await one.clock.advance(1);
    expect(texts(await one.everything(a)).sort()).toEqual(texts(theirs.slice(1)).sort());
  });

  it("wake a waiting member when the crashed one's session ends", async () => {
    const { one, two } = twoProcesses(500);
    const a = await one.open();
    await two.open();
    await one.send("orders", ...four);
    const mine = await one.everything(a);
    two.adapter.crash();
    const waiting = a.receive({ max: 100, maxBytes: 1e6, pausedLanes: new Set() }, signal);
    await one.clock.advance(500);
    expect((await waiting).length).toBe(8 - mine.length);
  });

  it("can be taken away by a switch, and come back in order", async () => {
    const { one, broker } = twoProcesses();
    const a = await one.open();
    await one.send("orders", ...four);
    const before = await one.everything(a);
    expect(before.every(({ lost }) => !lost.aborted)).toBe(true);
    expect(broker.revokeLanes("billing")).toBeGreaterThan(0);
    expect(before.every(({ lost }) => lost.aborted)).toBe(true);
    const sorted = (deliveries: Delivery[]) =>
      [...Map.groupBy(deliveries, ({ lane }) => lane)].map(([lane, own]) => [lane, texts(own)]).sort();
    expect(sorted(await one.everything(a))).toEqual(sorted(before));
  });

  it("lose one lane when the lease of its message is taken", async () => {
    const { one, broker } = twoProcesses();
    const a = await one.open();
    await one.send("orders", ...four);
    const before = await one.everything(a);
    const held = before.find(({ message: { id } }) => id === "c")!;
    expect(broker.loseLease("c")).toBe(1);
    expect(new Set(before.filter(({ lost }) => lost.aborted).map(({ lane }) => lane))).toEqual(new Set([held.lane]));
  });

  it.each([3, 5])("never leave a lane without a reader, whoever of %s members comes and goes", async (count) => {
    const { one } = twoProcesses();
    const members: Receiver[] = [];
    for (let index = 0; index < count; index++) members.push(await one.open());
    await members[0]!.close();
    await members[count - 1]!.close();
    await one.send("orders", ...four);
    const seen: string[] = [];
    for (const member of members.slice(1, -1)) seen.push(...texts(await one.everything(member)));
    expect(seen.sort()).toEqual(four.map(({ id }) => id));
  });
});
