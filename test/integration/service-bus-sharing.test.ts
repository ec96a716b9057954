import { createBus, defineEvent, defineTopic } from "@waybill/core";
import type { Delivery } from "@waybill/core/spi";
import { expect, it } from "vitest";
import { z } from "zod";
import { ack, event, ids, never, open, send, source, take, until } from "./service-bus.fixture.ts";

const QUEUE = "orders.billing";
const placed = defineEvent("com.example.order.placed", z.object({ n: z.number() }));
const orders = defineTopic("orders", [placed]);
const events = (count: number) => Array.from({ length: count }, (_, index) => event(`e-${index}`));
/** Room for many, and for the bytes of one: the others have come and are not taken. */
const one = { max: 10, maxBytes: 1, pausedLanes: new Set<string>() };

it("a busy consumer holds no more than it has room for", async () => {
  const { emulator, adapter, apply } = await open();
  const ours = adapter();
  await apply(ours);
  const bus = createBus({ source: "/shop", adapter: ours });
  const gate = Promise.withResolvers<void>();
  const subscription = await bus.subscribe(
    orders,
    { name: "billing", concurrency: 1, maxInFlight: 3 },
    () => gate.promise,
  );
  await bus.publish(
    orders,
    Array.from({ length: 60 }, (_, n) => placed({ n })),
  );
  const locked = () => emulator.control.state(QUEUE).messages.filter(({ state }) => state === "locked").length;
  await until(() => locked() >= 3, "it has what it may have");
  const other = await adapter().openReceiver(source);
  const taken = await take(other, 57);
  expect(locked()).toBe(60);
  expect(taken.map(({ deliveryCount }) => deliveryCount)).toEqual(taken.map(() => 1));
  gate.resolve();
  await subscription.drain();
  await bus.close();
});

it("what a paused consumer has not taken goes to others", async () => {
  const { adapter, apply } = await open();
  const ours = adapter();
  await apply(ours);
  const receiver = await ours.openReceiver(source);
  await send(await ours.openSender("orders"), ...events(10));
  const held: Delivery[] = [];
  while (held.length === 0) held.push(...(await receiver.receive(one, never)));
  // It asks no more.
  const others = await take(await adapter().openReceiver(source), 9);
  expect([...ids(held), ...ids(others)].sort()).toEqual(events(10).map(({ id }) => id));
  expect((await receiver.settle(held.map(ack), never)).map(({ ok }) => ok)).toEqual([true]);
}, 15_000);

it("what a paused consumer has not taken comes to itself again, where nobody else takes it", async () => {
  const { emulator, adapter, apply } = await open();
  const ours = adapter();
  await apply(ours);
  const receiver = await ours.openReceiver(source);
  await send(await ours.openSender("orders"), ...events(10));
  const held: Delivery[] = [];
  while (held.length === 0) held.push(...(await receiver.receive(one, never)));
  const active = () => emulator.control.state(QUEUE).messages.filter(({ state }) => state === "active").length;
  await until(() => active() === 9, "they are free again");
  const again = await take(receiver, 9);
  expect([...ids(held), ...ids(again)].sort()).toEqual(events(10).map(({ id }) => id));
}, 15_000);

it("a session of which a paused consumer has taken nothing goes to others, uncounted", async () => {
  const { adapter, apply } = await open();
  const options = { sessions: "key", prefetch: 1 } as const;
  const ours = adapter(options);
  await apply(ours);
  const sender = await ours.openSender("orders");
  const receiver = await ours.openReceiver(source);
  for (const key of ["a", "b", "c"]) await send(sender, event(`${key}-0`, { key }), event(`${key}-1`, { key }));
  const held: Delivery[] = [];
  while (held.length === 0) held.push(...(await receiver.receive(one, never)));
  const [own] = held;
  const others = await take(await adapter(options).openReceiver(source), 4);
  expect(others.filter(({ lane }) => lane === own!.lane)).toEqual([]);
  expect(others.map(({ deliveryCount }) => deliveryCount)).toEqual([1, 1, 1, 1]);
  expect((await receiver.settle(held.map(ack), never)).map(({ ok }) => ok)).toEqual([true]);
}, 15_000);
