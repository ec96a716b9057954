import { MessagingError } from "@azure/event-hubs";
import { createBus } from "@waybill/core";
import type { Delivery, OutboundMessage, Receiver } from "@waybill/core/spi";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { startTcpProxy } from "../chaos/broker/tcp-proxy.ts";
import { throughPort } from "./event-hubs.fixture.ts";
import { event, eventIn, idOf, ids, openHubs, receiveAll, soon } from "./event-hubs-adapter.fixture.ts";
import { acks, errorOf, never, sent, thrown, want } from "./sender-and-receiver.fixture.ts";

const { azurite, emulator, setUp } = await openHubs("event hubs: faults");

/** A timer, by Node's insides. */
const isWaiting = (timer: NodeJS.Timeout & { _destroyed?: boolean }) => timer.hasRef() && timer._destroyed === false;

/** Receives and acks until so many different ones were seen; a receive that fails is tried again. */
const receivesUntil = (receiver: Receiver, seen: Set<string>, count: number, timeout: number) =>
  expect
    .poll(
      async () => {
        const found = await receiver.receive(want(), never).catch(() => []);
        for (const delivery of found) seen.add(idOf(delivery));
        await receiver.settle(acks(...found), never);
        return seen.size;
      },
      { timeout },
    )
    .toBe(count);

describe.skipIf(!azurite)("faults", () => {
  it.each([
    [
      "looks retryable to the SDK",
      () => Object.assign(new MessagingError("a send inside it failed"), { retryable: true }),
    ],
    ["is plain", () => new TypeError("x is not a function")],
  ])("a handler's error that %s skips nothing and stalls nothing", async (_name, failure) => {
    const { topic, open, checkpoint } = setUp();
    const bus = createBus({ source: "/shop", adapter: open() });
    const done: string[] = [];
    const attempts: number[] = [];
    await bus.subscribe(topic, { name: "billing", retry: { attempts: 5, initialMs: 20 } }, (received, { attempt }) => {
      if (received.id === "e-1") attempts.push(attempt);
      if (received.id === "e-1" && attempt < 3) throw failure();
      done.push(received.id);
    });
    for (const id of ids(4)) await bus.publishRaw(topic, eventIn(event(id)));
    await soon(() => done).toEqual(ids(4));
    expect(attempts).toEqual([1, 2, 3]);
    await expect.poll(() => checkpoint(), { timeout: 10_000 }).toBe(3);
    await bus.close();
  });

  it("cut connections lose nothing, in either direction", async () => {
    // The SDK lets a send wait out its time when its connection is cut.
    const { topic, open, source } = setUp({ partitions: 2, client: { retryOptions: { timeoutInMs: 3_000 } } });
    const adapter = open();
    const receiver = await adapter.openReceiver(source());
    const sender = await adapter.openSender(topic);
    const seen = new Set<string>();
    for (let round = 0; round < 4; round++) {
      const messages = ids(20, `r${round}`).map((id, index) => event(id, `k-${index}`));
      if (round > 0) expect(emulator.control.cutConnections({ hub: topic })).toBeGreaterThan(0);
      let left = messages;
      await expect
        .poll(
          async () => {
            const outcomes = await sender.send(left, never);
            left = left.filter((_, index) => !outcomes[index]?.ok);
            return left.length;
          },
          { timeout: 20_000 },
        )
        .toBe(0);
      await receivesUntil(receiver, seen, 20 * (round + 1), 30_000);
    }
  });

  it("connections that stand and carry nothing more are replaced, for sending and for receiving", async () => {
    const proxy = await startTcpProxy(emulator.port);
    onTestFinished(() => proxy.close());
    const connectionString = throughPort(emulator.connectionString, emulator.port, proxy.port);
    const { topic, open, source } = setUp({ connectionString, partitions: 2, requestTimeoutMs: 2_500 });
    const timers = vi.spyOn(globalThis, "setTimeout");
    const adapter = open();
    const receiver = await adapter.openReceiver(source());
    const sender = await adapter.openSender(topic);
    const seen = new Set<string>();
    const receiveUntil = (count: number) => receivesUntil(receiver, seen, count, 20_000);
    const sendAll = (messages: OutboundMessage[]) =>
      expect
        .poll(async () => (await sender.send(messages, never)).every(({ ok }) => ok), { timeout: 20_000 })
        .toBe(true);
    await sendAll([event("before")]);
    await receiveUntil(1);
    expect(proxy.stall()).toBeGreaterThan(1);
    await sendAll(ids(20).map((id, index) => event(id, `k-${index}`)));
    await receiveUntil(21);
    expect((await adapter.health(never)).ok).toBe(true);
    await adapter.close();
    // The SDK's own for the next token, 45 minutes, and the heartbeat's, two, would hold the process.
    const holding = () => timers.mock.results.filter(({ value }) => isWaiting(value) && value._idleTimeout > 60_000);
    await soon(() => holding().length).toBe(0);
    timers.mockRestore();
  });

  it("throttling is said, within seconds, and passes", async () => {
    const { topic, open } = setUp();
    const adapter = open();
    const sender = await adapter.openSender(topic);
    emulator.control.throttle(true);
    try {
      const [outcome] = await sender.send([event("a")], never);
      expect(adapter.classify(errorOf(outcome))).toBe("throttled");
      expect(errorOf(outcome)).toMatchObject({ code: "WB_EVENT_HUBS_CALL" });
    } finally {
      emulator.control.throttle(false);
    }
    await sent(sender, [event("a")]);
  });

  it("a namespace that accepts and never answers fails every call in time", async () => {
    const silent = await startTcpProxy(emulator.port);
    onTestFinished(() => silent.close());
    const connectionString = throughPort(emulator.connectionString, emulator.port, silent.port);
    const { topic, open, source } = setUp({ connectionString, requestTimeoutMs: 1_500 });
    const adapter = open();
    const sender = await adapter.openSender(topic);
    silent.stall();
    const health = await adapter.health(AbortSignal.timeout(500));
    expect(health.ok).toBe(false);
    const [outcome] = await sender.send([event("a")], never);
    expect(adapter.classify(errorOf(outcome))).toBe("transient");
    const { closed, opening } = { closed: adapter.close(), opening: thrown(adapter.openReceiver(source())) };
    await closed;
    expect(adapter.classify(await opening)).toBe("closed");
  });

  it("no more is buffered than was asked for, however slowly it trickled before", async () => {
    const { topic, open, source, state } = setUp({ updateIntervalMs: 30_000 });
    const adapter = open();
    const receiver = await adapter.openReceiver(source());
    const sender = await adapter.openSender(topic);
    // Each of these lets the SDK grant a batch of credit for one event.
    const trickled = 160;
    for (let n = 0; n < trickled; n++) {
      await sent(sender, [event(`t-${n}`)]);
      const found = await receiveAll(receiver, 1);
      await receiver.settle(acks(...found), never);
    }
    for (let n = 0; n < 12; n++)
      await sent(
        sender,
        ids(1_000, `b${n}`).map((id) => event(id)),
      );
    const next = () => state()[0]?.readers[0]?.nextSequenceNumber ?? 0;
    await soon(next).toBeGreaterThan(trickled);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(next() - trickled).toBeLessThan(5_500);
    expect(state()[0]?.eventCount).toBe(trickled + 12_000);
  });

  it("a paused lane holds its partition back at the broker, and the others go on", async () => {
    const { topic, open, source, state } = setUp({ partitions: 2, partitionBatch: 10 });
    const adapter = open();
    const receiver = await adapter.openReceiver(source());
    const sender = await adapter.openSender(topic);
    await sent(
      sender,
      ids(2_000).map((id, index) => event(id, `k-${index % 40}`)),
    );
    const pausedLanes = new Set(["0"]);
    const { eventCount: there = 0 } = state()[1] ?? {};
    const found: Delivery[] = [];
    while (found.length < there) found.push(...(await receiver.receive(want({ pausedLanes }), never)));
    expect(new Set(found.map(({ lane }) => lane))).toEqual(new Set(["1"]));
    const { readers = [], eventCount = 0 } = state()[0] ?? {};
    expect(readers[0]?.nextSequenceNumber).toBeLessThan(eventCount);
    expect((await receiveAll(receiver, eventCount)).every(({ lane }) => lane === "0")).toBe(true);
  });
});
