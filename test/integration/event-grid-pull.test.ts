import { createBus } from "@waybill/core";
import { createSpy } from "@waybill/core/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "./emulator-event-grid.fixture.ts";
import {
  attemptOf,
  EXTENSIONS,
  eventOf,
  message,
  namespace,
  raw,
  receiveAll,
  source,
} from "./event-grid-adapter.fixture.ts";
import { never, want } from "./sender-and-receiver.fixture.ts";

describe("pull", () => {
  it("settles a hundred in one call each way, and says which token was lost", async () => {
    const { adapter, emulator } = await namespace();
    const sender = await adapter.openSender("orders");
    await sender.send(
      Array.from({ length: 150 }, (_, index) => message(raw(`e-${index}`, index))),
      never,
    );
    const receiver = await adapter.openReceiver(source);
    const deliveries = await receiveAll(receiver, 150);
    emulator.control.expireLocks("shop/orders", "billing", (deliveries[3]!.raw as { lockToken: string }).lockToken);
    const outcomes = await receiver.settle(
      deliveries.map((delivery) => ({ delivery, kind: "ack" })),
      never,
    );
    expect(outcomes.map(({ ok }) => ok)).toEqual(deliveries.map((_, index) => index !== 3));
    expect(deliveries[3]!.lost.aborted).toBe(true);
    expect(emulator.control.state("shop/orders", "billing").delivered).toBe(149);
  });

  it("gives back what arrives when nobody receives any more, and what is taken stays taken", async () => {
    const { adapter, emulator } = await namespace();
    const receiver = await adapter.openReceiver(source);
    expect(await receiver.receive(want(), never)).toEqual([]);
    const sender = await adapter.openSender("orders");
    await sender.send([message(raw("1", 1)), message(raw("2", 2))], never);
    const states = () =>
      emulator.control.state("shop/orders", "billing").events.map((one) => ("state" in one ? one.state : ""));
    await eventually(() => states().every((state) => state === "locked"));
    await eventually(() => states().every((state) => state === "available"));
    const [one] = await receiveAll(receiver, 1);
    await receiver.close();
    await eventually(() => states().filter((state) => state === "locked").length === 1);
    expect(one?.deliveryCount).toBeGreaterThan(1);
  });

  it("rejects where a dead-letter destination is known, and only there", async () => {
    const dead: string[] = [];
    const subscription = { deadLetter: async (_path: string, json: string) => void dead.push(json) };
    const { adapter, emulator } = await namespace({ deadLettered: ["orders/billing"] }, subscription);
    const receiver = await adapter.openReceiver(source);
    expect(receiver.capabilities.reject).toBe(true);
    await (await adapter.openSender("orders")).send([message(raw("1", 1))], never);
    const [delivery] = await receiveAll(receiver, 1);
    const reason = {
      reason: "rejected",
      error: "",
      attempts: 1,
      topic: "orders",
      subscription: "billing",
      firstFailure: "",
      time: "",
    };
    expect(await receiver.settle([{ delivery: delivery!, kind: "reject", reason }], never)).toMatchObject([
      { ok: true },
    ]);
    emulator.control.advanceClock(10 * 60_000);
    await eventually(() => dead.length === 1);
    const other = await adapter.openReceiver({
      topic: "orders/billing/dead",
      subscription: "billing",
      startFrom: "earliest",
    });
    expect(other.capabilities.reject).toBe(false);
  });

  it("an event is moved to where only this subscription reads before its last delivery, and its attempts count on", async () => {
    const { adapter, emulator } = await namespace({ maxDeliveryCount: 3 }, { maxDeliveryCount: 3 });
    const sender = await adapter.openSender("orders");
    const receiver = await adapter.openReceiver(source);
    await sender.send([message(raw("1", { a: 1 }, EXTENSIONS))], never);
    const seen: [deliveryCount: number | undefined, attempt: number | undefined][] = [];
    for (let round = 1; round <= 6; round++) {
      const [delivery] = await receiveAll(receiver, 1);
      expect(eventOf(delivery!)).toEqual(raw("1", { a: 1 }, EXTENSIONS));
      seen.push([delivery!.deliveryCount, attemptOf(delivery!)]);
      await receiver.settle([{ delivery: delivery!, kind: "release", delayMs: 0 }], never);
    }
    expect(seen).toEqual([
      [1, undefined],
      [2, undefined],
      [1, 3],
      [2, 4],
      [1, 5],
      [2, 6],
    ]);
    for (const topic of ["orders", "orders--billing"]) {
      const { deadLetters } = emulator.control.state(`shop/${topic}`, "billing");
      expect(deadLetters).toEqual({ written: 0, dropped: 0, waiting: 0 });
    }
  });

  it("a dead letter can be looked at more often than the service delivers", async () => {
    const { adapter, emulator } = await namespace({ maxDeliveryCount: 3, lockMs: 2_000 }, { maxDeliveryCount: 3 });
    const bus = createBus({ source: "/shop", adapter });
    onTestFinished(() => bus.close());
    await bus.publishRaw("orders", raw("1", 1));
    const spy = createSpy();
    const consuming = createBus({ source: "/shop", adapter, observers: [spy] });
    await consuming.subscribe("orders", { name: "billing", retry: { attempts: 1 } }, () => {
      throw new Error("out of stock");
    });
    await spy.waitFor("deadLettered", undefined, 20_000);
    for (let look = 1; look <= 5; look++) {
      const letters = bus.deadLetters("orders", "billing");
      expect((await letters.list()).map(({ id, reason }) => [id, reason?.error])).toEqual([["1", "out of stock"]]);
      await letters.close();
    }
    const { deadLetters } = emulator.control.state("shop/orders--billing--dead", "billing");
    expect(deadLetters).toMatchObject({ dropped: 0 });
  });

  it("a service that goes silent is an error within the timeout, and events flow once it is back", async () => {
    const { adapter, emulator } = await namespace({ requestTimeoutMs: 2_000 });
    const bus = createBus({ source: "/shop", adapter });
    onTestFinished(() => bus.close());
    emulator.control.stopAnswering(true);
    const health = await adapter.health(never);
    expect(health).toMatchObject({ ok: false, error: { code: "WB_EVENT_GRID_CALL" } });
    emulator.control.stopAnswering(false);
    const spy = createSpy();
    const seen = createBus({ source: "/shop", adapter, observers: [spy] });
    await seen.subscribe("orders", { name: "billing" }, () => undefined);
    await bus.publishRaw("orders", raw("1", 1));
    await spy.waitFor("processed", undefined, 20_000);
  });
});
