import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { ServiceBusReceivedMessage } from "@azure/service-bus";
import { createBus, defineEvent, defineTopic } from "@waybill/core";
import { createCodec, type DeadLetterReason, decodeDeadLetter } from "@waybill/core/spi";
import { createSpy } from "@waybill/core/testing";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { z } from "zod";
import { ack, event, ids, never, open, release, send, source, take, until } from "./service-bus.fixture.ts";

const QUEUE = "orders.billing";
const idsIn = (messages: readonly { readonly messageId: string }[]) => messages.map(({ messageId }) => messageId);

describe("what the SDK gets wrong", () => {
  it("settles a complete beside an abandon, which the bare SDK turns into two completes", async () => {
    const { emulator, client, adapter, apply } = await open();
    emulator.control.createQueue("bare");
    await client.createSender("bare").sendMessages([{ body: "a" }, { body: "b" }]);
    const bare = client.createReceiver("bare");
    const [a, b] = (await bare.receiveMessages(2, { maxWaitTimeInMs: 5_000 })) as ServiceBusReceivedMessage[];
    await Promise.all([bare.completeMessage(a!), bare.abandonMessage(b!)]);
    // The abandoned one is lost. When this fails the SDK has been mended, and OutcomeTurns can go.
    expect(emulator.control.state("bare").messages).toEqual([]);

    const ours = adapter();
    await apply(ours);
    const receiver = await ours.openReceiver(source);
    await send(await ours.openSender("orders"), event("a"), event("b"));
    const [first, second] = await take(receiver, 2);
    // In one call, and in two at the same time.
    const outcomes = await receiver.settle([ack(first!), release(second!)], never);
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, true]);
    expect(ids(await take(receiver, 1))).toEqual(["b"]);
    await send(await ours.openSender("orders"), event("c"), event("d"));
    const [c, d] = await take(receiver, 2);
    await Promise.all([receiver.settle([ack(c!)], never), receiver.settle([release(d!)], never)]);
    expect(ids(await take(receiver, 1))).toEqual(["d"]);
  });

  it("gives each of two rejected messages its own reason", async () => {
    const { adapter, apply } = await open();
    const ours = adapter();
    await apply(ours);
    const receiver = await ours.openReceiver(source);
    await send(await ours.openSender("orders"), event("a"), event("b"));
    const taken = await take(receiver, 2);
    await receiver.settle(
      taken.map(
        (delivery) => ({ delivery, kind: "reject", reason: reason({ error: `of ${delivery.message.id}` }) }) as const,
      ),
      never,
    );
    const dead = await ours.openDeadLetters!(source);
    const errors = (await take(dead, 2)).map(({ message }) => [message.id, decodeDeadLetter(message).reason?.error]);
    expect(errors.sort()).toEqual([
      ["a", "of a"],
      ["b", "of b"],
    ]);
  });

  it("writes at once, where the SDK's small frames wait until the last one is acknowledged", async () => {
    const { emulator, client, adapter, apply } = await open();
    const ours = adapter({ sessions: "key" });
    await apply(ours);
    const told = vi.spyOn(Socket.prototype, "setNoDelay");
    onTestFinished(() => told.mockRestore());
    /** Our ends of connections; in this process are the emulator's as well. */
    const prompt = () =>
      (told.mock.contexts as Socket[]).filter(({ remotePort }) => remotePort === emulator.port).length;
    await client.createReceiver(QUEUE).peekMessages(1);
    // When this fails the SDK has been mended, and rhea-connection.ts can lose a function.
    expect(prompt()).toBe(0);
    await ours.openSender("orders");
    await ours.openReceiver(source);
    expect(prompt()).toBe(2);
  });

  it("does not wait a second for company, as the SDK's receiveMessages does", async () => {
    const { emulator, client, adapter, apply } = await open();
    const ours = adapter();
    await apply(ours);
    emulator.control.createQueue("bare");
    const receiver = await ours.openReceiver(source);
    const order: string[] = [];
    const bare = client.createReceiver("bare").receiveMessages(10, { maxWaitTimeInMs: 5_000 });
    await client.createSender("bare").sendMessages({ body: "a" });
    await send(await ours.openSender("orders"), event("a"));
    await Promise.all([bare.then(() => order.push("bare")), take(receiver, 1).then(() => order.push("ours"))]);
    expect(order).toEqual(["ours", "bare"]);
  });

  it("cannot accept the session of an empty id, which other sessions do not wait for", async () => {
    const { emulator, client, adapter, apply } = await open();
    const ours = adapter({ sessions: "key" });
    await apply(ours);
    const foreign = client.createSender("orders");
    const sessions = ["", "__proto__", "é", "constructor", " ", "wb-x", "x".repeat(128)];
    for (const [n, sessionId] of sessions.entries()) {
      await foreign.sendMessages({ body: "a", messageId: `m-${n}`, sessionId });
    }
    await expect(client.acceptSession(QUEUE, "")).rejects.toMatchObject({ code: "SessionCannotBeLocked" });
    const receiver = await ours.openReceiver(source);
    const taken = await take(receiver, sessions.length - 1);
    expect(taken.map(({ lane }) => lane).sort()).toEqual(sessions.slice(1).sort());
    await receiver.settle(taken.map(ack), never);
    // When this fails the SDK has been mended, and the pitfall in the documentation can go.
    expect(idsIn(emulator.control.state(QUEUE).messages)).toEqual(["m-0"]);
  });

  it("goes on beside one message that is in hand for long, where the SDK's ring of 2 048 stops the link", async () => {
    const { emulator, adapter, apply } = await open();
    const ours = adapter({ prefetch: 200 });
    await apply(ours);
    const receiver = await ours.openReceiver(source);
    const sender = await ours.openSender("orders");
    const count = 2_600;
    for (let from = 0; from < count; from += 100) {
      await send(sender, ...Array.from({ length: 100 }, (_, index) => event(`e-${from + index}`, { data: null })));
    }
    const [stuck] = await take(receiver, 1);
    for (let left = count - 1; left > 0; ) {
      const batch = await take(receiver, Math.min(100, left));
      await receiver.settle(batch.map(ack), never);
      left -= batch.length;
    }
    expect(idsIn(emulator.control.state(QUEUE).messages)).toEqual([stuck!.message.id]);
    expect((await receiver.settle([ack(stuck!)], never))[0]).toMatchObject({ ok: true });
    expect(emulator.control.state(QUEUE).messages).toEqual([]);
  }, 30_000);

  it("renews two messages of one id each by its own lock", async () => {
    const { emulator, adapter, apply } = await open();
    const ours = adapter({ lockMs: 5_000 });
    await apply(ours);
    const receiver = await ours.openReceiver(source);
    await send(await ours.openSender("orders"), event("same"), event("same"));
    const taken = await take(receiver, 2);
    emulator.control.advanceClock(2_000);
    expect((await receiver.renew!(taken, never)).map(({ ok }) => ok)).toEqual([true, true]);
    emulator.control.advanceClock(4_000);
    expect((await receiver.settle(taken.map(ack), never)).map(({ ok }) => ok)).toEqual([true, true]);
  });

  it("takes no more than it has been asked for, when nobody asks", async () => {
    const { emulator, adapter, apply } = await open();
    const ours = adapter();
    await apply(ours);
    const busy = await ours.openReceiver(source);
    const sender = await ours.openSender("orders");
    await send(sender, event("first"));
    await take(busy, 1);
    // It asks for nothing now, and so has no credit that would draw messages away from others.
    await until(() => emulator.control.state(QUEUE).receivers === 1, "the link is there");
    await new Promise((resolve) => setTimeout(resolve, 200));
    await send(sender, ...Array.from({ length: 40 }, (_, index) => event(`e-${index}`)));
    const other = await adapter().openReceiver(source);
    expect(await take(other, 40)).toHaveLength(40);
  });

  it("gives back at once what it holds when it is closed, handed over or not", async () => {
    const { adapter, apply } = await open();
    const ours = adapter();
    await apply(ours);
    const receiver = await ours.openReceiver(source);
    await send(await ours.openSender("orders"), ...Array.from({ length: 20 }, (_, index) => event(`e-${index}`)));
    await take(receiver, 5);
    await receiver.close();
    // Long before the lock of a minute would end.
    expect(await take(await adapter().openReceiver(source), 20)).toHaveLength(20);
  });
});

const reason = (given: Partial<DeadLetterReason> = {}): DeadLetterReason => ({
  reason: "handler-failed",
  error: "Error: no",
  attempts: 3,
  topic: "orders",
  subscription: "billing",
  firstFailure: "2026-01-02T03:04:05.678Z",
  time: "2026-01-02T03:05:06.789Z",
  ...given,
});

it.each(["text/plain", "application/octet-stream"])("tells no data from empty data of %s", async (datacontenttype) => {
  const { client, adapter, apply } = await open();
  const ours = adapter();
  await apply(ours);
  const codec = createCodec();
  const none = { specversion: "1.0", id: "none", source: "/shop", type: "placed", datacontenttype } as const;
  const empty = { ...none, id: "empty", data: datacontenttype === "text/plain" ? "" : Buffer.alloc(0) };
  const sender = await ours.openSender("orders");
  for (const each of [none, empty]) await send(sender, codec.encode(each, { headers: true }));
  const seen = await client.createReceiver(QUEUE).peekMessages(2);
  expect(seen.map(({ body }) => body)).toEqual([Buffer.alloc(0), Buffer.alloc(0)]);
  const taken = await take(await ours.openReceiver(source), 2);
  expect(taken.map(({ message }) => codec.decode(message).event)).toEqual([none, empty]);
});

describe("dead letters", () => {
  it("cuts reason and description to what the service takes, and the properties to 64 KiB", async () => {
    const { client, adapter, apply } = await open();
    const ours = adapter();
    await apply(ours);
    const receiver = await ours.openReceiver(source);
    const large = event("a");
    await send(await ours.openSender("orders"), {
      ...large,
      headers: { ...large.headers, note: "n".repeat(30_000), more: "m".repeat(25_000) },
    });
    const [delivery] = await take(receiver, 1);
    const long = reason({ reason: "r".repeat(5_000), error: "€".repeat(50_000) });
    expect((await receiver.settle([{ delivery: delivery!, kind: "reject", reason: long }], never))[0]).toMatchObject({
      ok: true,
    });
    const [dead] = await client.createReceiver(QUEUE, { subQueueType: "deadLetter" }).receiveMessages(1);
    expect(dead!.deadLetterReason).toHaveLength(4_096);
    expect(dead!.deadLetterErrorDescription!.length).toBeLessThanOrEqual(4_096);
    const bytes = Object.entries(dead!.applicationProperties!).map(
      ([name, value]) => name.length + Buffer.byteLength(String(value)),
    );
    expect(bytes.reduce((sum, one) => sum + one)).toBeLessThanOrEqual(64 * 1024);
    expect(dead!.applicationProperties!.note).toHaveLength(30_000);
  });

  it("reads why the service itself gave a message up", async () => {
    const { emulator, adapter, apply } = await open();
    const ours = adapter();
    await apply(ours);
    emulator.control.update(QUEUE, { maxDeliveryCount: 1 });
    const receiver = await ours.openReceiver(source);
    const sender = await ours.openSender("orders");
    await send(sender, event("often"));
    await receiver.settle([release((await take(receiver, 1))[0]!)], never);
    await receiver.close();
    await send(sender, { ...event("late"), ttlMs: 1_000 });
    await until(() => emulator.control.state(QUEUE).messages.length === 1, "it has arrived");
    emulator.control.advanceClock(2_000);
    const dead = await ours.openDeadLetters!(source);
    const records = (await take(dead, 2)).map(({ message }) => decodeDeadLetter(message));
    expect(
      records.map(({ original, reason: found }) => [original.id, found?.reason, found?.topic, found?.subscription]),
    ).toEqual([
      ["often", "max-deliveries", "orders", "billing"],
      ["late", "expired", "orders", "billing"],
    ]);
    expect(records.every(({ original }) => original.headers.DeadLetterReason === undefined)).toBe(true);
  });

  it("looks at more of them than one peek shows", async () => {
    const { adapter, apply } = await open();
    const ours = adapter();
    await apply(ours);
    const receiver = await ours.openReceiver(source);
    await send(await ours.openSender("orders"), ...Array.from({ length: 300 }, (_, index) => event(`e-${index}`)));
    const taken = await take(receiver, 300);
    await receiver.settle(
      taken.map((delivery) => ({ delivery, kind: "reject", reason: reason() }) as const),
      never,
    );
    const dead = await ours.openDeadLetters!(source);
    expect(await dead.browse(1_000, never)).toHaveLength(300);
    expect(await dead.browse(7, never)).toHaveLength(7);
    // Looking has locked none of them.
    const other = await adapter().openDeadLetters!(source);
    expect(await take(other, 300)).toHaveLength(300);
  });
});

const placed = defineEvent("placed", z.object({ n: z.number() }));
const orders = defineTopic("orders", [placed]);

describe("duplicates and retries", () => {
  it("drops a second event of one source and id, and nothing else of that id", async () => {
    const { adapter, apply } = await open();
    const ours = adapter({ duplicateDetectionMs: 60_000 });
    await apply(ours);
    const receiver = await ours.openReceiver(source);
    const sender = await ours.openSender("orders");
    expect(sender.capabilities.dedupe).toBe(true);
    await send(sender, event("1"), event("1"));
    await send(sender, event("1"), event("1", { from: "/other" }));
    const taken = await take(receiver, 2);
    expect(taken.map(({ message }) => [message.id, message.headers.ce_source])).toEqual([
      ["1", "/shop"],
      ["1", "/other"],
    ]);
    expect(await receiver.receive({ max: 10, maxBytes: 1e6, pausedLanes: new Set() }, never)).toEqual([]);
  });

  it.each([
    ["a topic's subscription", {}],
    ["a plain queue that detects duplicates", { queues: ["orders"], subscriptions: { orders: ["billing"] } }],
  ])("tries again by a scheduled copy that keeps its attempt and is not dropped: %s", async (_what, given) => {
    const { adapter, apply } = await open();
    const options = { duplicateDetectionMs: 60_000, subscriptions: { orders: ["billing", "mail"] }, ...given };
    const ours = adapter(options);
    await apply(ours);
    const spy = createSpy();
    const bus = createBus({ source: "/shop", adapter: ours, observers: [spy] });
    const seen: [string, number][] = [];
    const subscription = await bus.subscribe(
      orders,
      { name: "billing", retry: { attempts: 3, initialMs: 50, factor: 1, jitter: 0, inPlaceMs: 0 } },
      async (_event, { attempt }) => {
        seen.push(["billing", attempt]);
        if (attempt < 3) throw new Error("Not yet.");
      },
    );
    expect(subscription.guarantee.retry).toBe("copy");
    const hasMail = !("queues" in given);
    if (hasMail) await bus.subscribe(orders, { name: "mail" }, async () => void seen.push(["mail", 1]));
    await bus.publish(orders, placed({ n: 1 }));
    await spy.waitForCount("processed", hasMail ? 2 : 1, 10_000);
    expect(seen.filter(([name]) => name === "billing").map(([, attempt]) => attempt)).toEqual([1, 2, 3]);
    expect(seen.filter(([name]) => name === "mail")).toHaveLength(hasMail ? 1 : 0);
    await bus.close();
  });
});

describe("sessions", () => {
  it("puts a key's events into one session, and spreads those without a key", async () => {
    const { emulator, adapter, apply } = await open();
    const ours = adapter({ sessions: "buckets", buckets: 4 });
    await apply(ours);
    const sender = await ours.openSender("orders");
    await send(
      sender,
      ...Array.from({ length: 40 }, (_, index) => event(`e-${index}`)),
      ...Array.from({ length: 10 }, (_, index) => event(`k-${index}`, { key: "one" })),
    );
    await until(() => emulator.control.state(QUEUE).messages.length === 50, "they have arrived");
    const { messages } = emulator.control.state(QUEUE);
    const sessionsOf = (prefix: string) =>
      new Set(messages.filter(({ messageId }) => messageId.startsWith(prefix)).map(({ sessionId }) => sessionId));
    expect(sessionsOf("e-")).toEqual(new Set(["wb-0", "wb-1", "wb-2", "wb-3"]));
    expect(sessionsOf("k-").size).toBe(1);
  });

  it("takes the key itself where it is told to, a hash of a long one, and both come back", async () => {
    const { emulator, adapter, apply } = await open();
    const ours = adapter({ sessions: "key" });
    await apply(ours);
    const long = "k".repeat(300);
    await send(await ours.openSender("orders"), event("short", { key: "o-1" }), event("long", { key: long }));
    const receiver = await ours.openReceiver(source);
    const taken = await take(receiver, 2);
    expect(new Map(taken.map(({ message }) => [message.id, message.key]))).toEqual(
      new Map([
        ["short", "o-1"],
        ["long", long],
      ]),
    );
    const lanes = new Map(taken.map(({ message, lane }) => [message.id, lane]));
    expect(lanes.get("short")).toBe("o-1");
    expect(lanes.get("long")).toMatch(/^sha256-[0-9a-f]{64}$/);
    expect(emulator.control.state(QUEUE).messages).toHaveLength(2);
  });

  it("comes to every session with fewer in hand than there are, and shares them with a second reader", async () => {
    const { adapter, apply } = await open();
    const options = {
      sessions: "buckets",
      buckets: 12,
      maxSessions: 3,
      sessionIdleMs: 50,
      sessionHoldMs: 1_000,
    } as const;
    const ours = adapter(options);
    await apply(ours);
    const sender = await ours.openSender("orders");
    const all = Array.from({ length: 240 }, (_, index) => `e-${index}`);
    await send(sender, ...all.map((id, index) => event(id, { key: `k-${index % 60}` })));
    const receivers = [await ours.openReceiver(source), await adapter(options).openReceiver(source)];
    const came = new Map<string, number[]>();
    let count = 0;
    await Promise.all(
      receivers.map(async (receiver) => {
        const end = Date.now() + 20_000;
        while (count < all.length && Date.now() < end) {
          const batch = await receiver.receive({ max: 8, maxBytes: 1e6, pausedLanes: new Set() }, never);
          for (const { message } of batch) {
            count++;
            came.set(message.key!, [...(came.get(message.key!) ?? []), Number(message.id.slice(2))]);
          }
          await receiver.settle(batch.map(ack), never);
        }
      }),
    );
    expect(count).toBe(all.length);
    for (const numbers of came.values()) expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  }, 30_000);

  it("gives an idle session up soon where all places are taken, and in order", async () => {
    const { adapter, apply } = await open();
    const ours = adapter({ sessions: "key", maxSessions: 2, sessionIdleMs: 10_000 });
    await apply(ours);
    const sender = await ours.openSender("orders");
    const keys = ["a", "b", "c", "d", "e", "f"];
    await send(sender, ...[0, 1].flatMap((n) => keys.map((key) => event(`${key}-${n}`, { key }))));
    const receiver = await ours.openReceiver(source);
    const came: string[] = [];
    // With the full time for each it would be 20 s.
    const end = Date.now() + 15_000;
    while (came.length < 12 && Date.now() < end) {
      const batch = await receiver.receive({ max: 8, maxBytes: 1e6, pausedLanes: new Set() }, never);
      came.push(...ids(batch));
      await receiver.settle(batch.map(ack), never);
    }
    expect(came.length).toBe(12);
    for (const key of keys) expect(came.filter((id) => id.startsWith(key))).toEqual([`${key}-0`, `${key}-1`]);
  }, 20_000);

  it("keeps an idle session for its time while it has free places", async () => {
    const { client, adapter, apply } = await open();
    const ours = adapter({ sessions: "key", maxSessions: 2, sessionIdleMs: 10_000 });
    await apply(ours);
    const receiver = await ours.openReceiver(source);
    await send(await ours.openSender("orders"), event("a", { key: "a" }));
    const [first] = await take(receiver, 1);
    await receiver.settle([ack(first!)], never);
    const asked = receiver.receive({ max: 1, maxBytes: 1e6, pausedLanes: new Set() }, never);
    await sleep(1_500);
    await expect(client.acceptSession(QUEUE, "a")).rejects.toMatchObject({ code: "SessionCannotBeLocked" });
    await asked;
  }, 20_000);

  it("is not troubled by a session that is lost as soon as it is accepted", async () => {
    const { emulator, adapter, apply } = await open();
    const ours = adapter({ sessions: "key" });
    await apply(ours);
    const sender = await ours.openSender("orders");
    const receiver = await ours.openReceiver(source);
    await send(sender, event("e-0", { key: "k" }));
    for (let n = 0; n < 10; n++) {
      await take(receiver, 1);
      const waiting = receiver.receive({ max: 1, maxBytes: 1e6, pausedLanes: new Set(["k"]) }, never);
      // By now it waits for another session, and is given this one between the two.
      await sleep(50);
      emulator.control.loseSession(QUEUE, "k");
      emulator.control.loseSession(QUEUE, "k");
      expect(await waiting).toEqual([]);
    }
  }, 60_000);

  it("gives a busy session up after its time, so that the others are heard", async () => {
    const { adapter, apply } = await open();
    const ours = adapter({ sessions: "key", maxSessions: 1, sessionHoldMs: 1_000, prefetch: 1 });
    await apply(ours);
    const sender = await ours.openSender("orders");
    const receiver = await ours.openReceiver(source);
    let heard = false;
    await send(sender, ...Array.from({ length: 10 }, (_, index) => event(`b-${index}`, { key: "busy" })));
    await take(receiver, 1).then(async ([first]) => receiver.settle([ack(first!)], never));
    await send(sender, event("quiet", { key: "quiet" }));
    const end = Date.now() + 15_000;
    for (let n = 0; !heard && Date.now() < end; n++) {
      // It never runs dry.
      await send(sender, event(`more-${n}`, { key: "busy" }));
      const batch = await receiver.receive({ max: 1, maxBytes: 1e6, pausedLanes: new Set() }, never);
      heard ||= batch.some(({ message }) => message.id === "quiet");
      await receiver.settle(batch.map(ack), never);
    }
    expect(heard).toBe(true);
  }, 20_000);
});
