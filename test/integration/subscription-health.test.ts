import { createBus, defineEvent, defineTopic, type Observer } from "@waybill/core";
import { type Adapter, type Health, type Receiver, sleep, type Want } from "@waybill/core/spi";
import { ManualClock } from "@waybill/core/testing";
import { memory } from "@waybill/memory";
import { expect, it, onTestFinished } from "vitest";

const noted = defineEvent("com.example.noted");
const notes = defineTopic("notes", [noted]);
const away = new Error("ECONNREFUSED");
const isAway = (health: Health) => !health.ok && (health.error as Error).cause === away;

const receiving = (real: Receiver, receive: Receiver["receive"]): Receiver => ({
  capabilities: real.capabilities,
  returnTo: real.returnTo,
  receive,
  settle: (...given) => real.settle(...given),
  close: () => real.close(),
});

/** A subscription whose receives answer as `receive` says, by default as a push SDK does: nothing within a second, whether its broker is there or not. */
async function subscribed(changed: { receive?: Receiver["receive"]; backlog?: () => number } = {}) {
  const clock = new ManualClock();
  const adapter = memory({ clock });
  const broker = {
    receive: async (_want: Want, signal: AbortSignal) => {
      await sleep(clock, 1_000, signal);
      return [];
    },
    health: async (_signal: AbortSignal): Promise<Health> => ({ ok: true }),
    asked: 0,
    ...changed,
  } as { receive: Receiver["receive"]; health: Adapter["health"]; asked: number; backlog?: () => number };
  const fragile: Adapter = {
    ...adapter,
    openReceiver: async (source) => {
      return receiving(await adapter.openReceiver(source), (want, signal) => broker.receive(want, signal));
    },
    health: (signal) => {
      broker.asked++;
      return broker.health(signal);
    },
    backlog: async () => ({ events: broker.backlog?.() ?? 0 }),
    classify: (error) =>
      error === away ? "transient" : error instanceof Error && error.message === "403" ? "unauthorized" : "unknown",
  };
  const troubles: number[] = [];
  const observer: Observer = { trouble: () => void troubles.push(clock.now()) };
  const bus = createBus({ source: "/t", adapter: fragile, clock, observers: [observer] });
  const subscription = await bus.subscribe(notes, { name: "reader", idleMs: 60_000 }, () => undefined);
  onTestFinished(async () => {
    const closing = bus.close();
    await clock.advance(2_000);
    await closing;
  });
  const failOnce = async () => {
    const { receive } = broker;
    broker.receive = async () => {
      broker.receive = receive;
      throw away;
    };
    const { length } = troubles;
    await clock.runUntil(() => troubles.length > length);
    expect(isAway(subscription.health)).toBe(true);
  };
  return { clock, broker, bus, subscription, troubles, failOnce };
}

it("a receive that was broken off says nothing about the broker, nor that it is worth a question", async () => {
  const joins: Receiver["receive"] = (_want, signal) =>
    new Promise((resolve) => signal.addEventListener("abort", () => resolve([])));
  const { clock, broker, subscription, failOnce } = await subscribed({ receive: joins });
  await failOnce();
  for (let n = 0; n < 5; n++) {
    await clock.advance(10_000);
    await subscription.pause();
    await clock.advance(10);
    expect(isAway(subscription.health)).toBe(true);
    await subscription.resume();
  }
  expect(broker.asked).toBe(0);
});

it("one that brings nothing is believed when the broker answers", async () => {
  const { clock, broker, subscription, failOnce } = await subscribed();
  broker.health = async () => ({ ok: false, error: away });
  await failOnce();
  await clock.advance(10_000);
  expect(isAway(subscription.health)).toBe(true);
  broker.health = async () => ({ ok: true });
  await clock.advance(1_100);
  expect(subscription.health).toEqual({ ok: true });
  const { asked } = broker;
  await clock.advance(10_000);
  expect(broker.asked).toBe(asked);
});

it("a broker that refuses to be asked has answered", async () => {
  const { clock, broker, subscription, failOnce } = await subscribed();
  broker.health = async () => ({ ok: false, error: new Error("403") });
  await failOnce();
  await clock.advance(1_200);
  expect(subscription.health).toEqual({ ok: true });
});

it("one question at a time, and none that outlasts five seconds or the subscription", async () => {
  const { clock, broker, subscription, failOnce } = await subscribed();
  const signals: AbortSignal[] = [];
  broker.health = (signal) => {
    signals.push(signal);
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve({ ok: false, error: away })));
  };
  await failOnce();
  await clock.advance(4_000);
  expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  await clock.advance(3_500);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
  const closing = subscription.close();
  await clock.advance(1_000);
  await closing;
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
});

it("an answer to a question is of no use when a receive has failed since", async () => {
  const { clock, broker, subscription, failOnce } = await subscribed();
  const answer = Promise.withResolvers<Health>();
  broker.health = () => answer.promise;
  await failOnce();
  await clock.advance(1_500);
  expect(broker.asked).toBe(1);
  await failOnce();
  answer.resolve({ ok: true });
  await clock.advance(50);
  expect(isAway(subscription.health)).toBe(true);
});

it("an event that arrives is an answer too", async () => {
  const adapter = memory();
  let fails = true;
  const shaky: Adapter = {
    ...adapter,
    health: () => Promise.reject(new Error("was asked")),
    openReceiver: async (source) => {
      const real = await adapter.openReceiver(source);
      return receiving(real, (...given) => (fails ? Promise.reject(away) : real.receive(...given)));
    },
  };
  const bus = createBus({ source: "/t", adapter: shaky });
  onTestFinished(() => bus.close());
  const subscription = await bus.subscribe(notes, { name: "reader" }, () => undefined);
  await expect.poll(() => subscription.health.ok).toBe(false);
  await bus.publish(notes, noted({}));
  fails = false;
  await expect.poll(() => subscription.health.ok).toBe(true);
});

it("a stall lasts until nothing waits any more, whatever empty receives there are", async () => {
  let waiting = 3;
  const { clock, subscription } = await subscribed({ backlog: () => waiting });
  await clock.runUntil(() => !subscription.health.ok);
  for (let n = 0; n < 60; n++) {
    await clock.advance(2_000);
    expect(subscription.health.ok).toBe(false);
  }
  waiting = 0;
  await clock.advance(31_000);
  expect(subscription.health).toEqual({ ok: true });
});

it("consuming goes on five seconds after an outage of an hour, and hardly more tries were made than that", async () => {
  const { clock, broker, subscription, troubles } = await subscribed();
  const { receive } = broker;
  broker.receive = () => Promise.reject(away);
  await clock.advance(3_600_000);
  const gaps = troubles.slice(1).map((atMs, n) => atMs - troubles[n]!);
  expect(gaps.slice(0, 6)).toEqual([100, 200, 400, 800, 1_600, 3_200]);
  expect(Math.max(...gaps)).toBe(5_000);
  expect(troubles.length).toBeLessThan(730);
  broker.receive = receive;
  const { length } = troubles;
  await clock.advance(6_100);
  expect([troubles.length, subscription.health]).toEqual([length, { ok: true }]);
});
