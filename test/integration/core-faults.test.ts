import { createBus, defineEvent, defineTopic } from "@waybill/core";
import { type Adapter, type Delivery, done, type Sender, type Settlement } from "@waybill/core/spi";
import { createSpy, ManualClock } from "@waybill/core/testing";
import { createFaults, createMemoryBroker, memory } from "@waybill/memory";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";

const noted = defineEvent<"com.example.noted">("com.example.noted");
const notes = defineTopic("notes", [noted]);

const unhandled: unknown[] = [];
const note = (error: unknown) => unhandled.push(error);

/** Whatever a handler throws, nothing of it may reach the process. */
function watchProcess(): void {
  unhandled.length = 0;
  process.on("unhandledRejection", note);
  process.on("uncaughtException", note);
  onTestFinished(() => {
    process.off("unhandledRejection", note);
    process.off("uncaughtException", note);
  });
}

it("dead-letters whatever is thrown, also what has no text", async () => {
  watchProcess();
  const thrown = [
    Object.create(null),
    undefined,
    null,
    "text",
    0,
    Symbol("s"),
    { toString: () => Object.create(null) },
  ];
  const spy = createSpy();
  const bus = createBus({ source: "/t", adapter: memory(), observers: [spy] });
  await bus.subscribe(notes, { name: "reader", retry: { attempts: 1 } }, (event) => {
    throw thrown[(event.data as { n: number }).n];
  });
  await bus.publish(
    notes,
    thrown.map((_, n) => noted({ n })),
  );
  await spy.waitForCount("deadLettered", thrown.length);
  await bus.close();
  expect(unhandled).toEqual([]);
});

it("leaves no rejection behind when one event of a call is invalid at once and another later", async () => {
  watchProcess();
  const late = z.object({ n: z.number() }).refine(async () => false);
  const slow = defineEvent("com.example.slow", late);
  const fast = defineEvent("com.example.fast", z.object({ n: z.number() }));
  const both = defineTopic("both", [slow, fast]);
  const bus = createBus({ source: "/t", adapter: memory() });
  const wrong = fast({ n: "x" as unknown as number });
  await expect(bus.publish(both, [slow({ n: 1 }), wrong])).rejects.toMatchObject({ code: "WB_EVENT_INVALID" });
  await new Promise((resolve) => setTimeout(resolve, 20));
  await bus.close();
  expect(unhandled).toEqual([]);
});

it("ends a redrive although the handler still fails, and leaves what came back for the next one", async () => {
  const spy = createSpy();
  const bus = createBus({ source: "/t", adapter: memory(), observers: [spy] });
  await bus.subscribe(notes, { name: "reader", retry: { attempts: 1 } }, () => {
    throw new Error("still broken");
  });
  await bus.publish(
    notes,
    [1, 2, 3, 4, 5].map((n) => noted({ n })),
  );
  await spy.waitForCount("deadLettered", 5);
  const letters = bus.deadLetters(notes, "reader");
  expect(await letters.redrive()).toMatchObject({ done: 5 });
  await spy.waitForCount("deadLettered", 10);
  expect(await letters.list()).toHaveLength(5);
  await letters.close();
  await bus.close();
});

it("finds what a redrive brings back by its count, on a consumer whose clock stands still or is behind", async () => {
  const spy = createSpy();
  const adapter = memory();
  const clock = new ManualClock();
  const bus = createBus({ source: "/t", adapter, observers: [spy], clock });
  const slowClock = new ManualClock(clock.now() - 60_000);
  const slow = createBus({ source: "/t", adapter, observers: [spy], clock: slowClock });
  await slow.subscribe(notes, { name: "behind", retry: { attempts: 1 } }, () => {
    throw new Error("still broken");
  });
  await bus.subscribe(notes, { name: "still", retry: { attempts: 1 } }, () => {
    throw new Error("still broken");
  });
  await bus.publish(
    notes,
    [1, 2, 3, 4, 5].map((n) => noted({ n })),
  );
  await spy.waitForCount("deadLettered", 10);
  await clock.advance(1);
  await slowClock.advance(1);
  for (const name of ["behind", "still"]) {
    const letters = bus.deadLetters(notes, name);
    expect(await letters.redrive()).toMatchObject({ done: 5 });
    await expect.poll(async () => (await letters.list()).map(({ redrives }) => redrives)).toEqual([1, 1, 1, 1, 1]);
    await letters.close();
  }
  await slow.close();
  await bus.close();
});

it("takes each dead letter that is no event for itself, although they have one id and one time", async () => {
  const spy = createSpy();
  const adapter = memory();
  const bus = createBus({ source: "/t", adapter, observers: [spy], clock: new ManualClock() });
  await bus.subscribe(notes, { name: "reader" }, () => undefined);
  const sender = await adapter.openSender("notes");
  const foreign = ["<", "[", "{"].map((text) => ({ id: "", body: Buffer.from(text), headers: {} }));
  await sender.send(foreign, new AbortController().signal);
  await spy.waitForCount("deadLettered", 3);
  const letters = bus.deadLetters(notes, "reader");
  expect(await letters.purge()).toEqual({ done: 3, skipped: 0 });
  await letters.close();
  await bus.close();
});

it.each(["storage-queue", "service-bus"] as const)("redrives what just fits into a message of %s", async (like) => {
  const spy = createSpy();
  const subscriptions = { notes: ["reader"] };
  const adapter = memory({ like, subscriptions, limits: { maxMessageBytes: 1_200 } });
  const bus = createBus({ source: "/t", adapter, observers: [spy] });
  const subscription = await bus.subscribe(notes, { name: "reader", retry: { attempts: 1 } }, () => {
    throw new Error("broken");
  });
  let taken = 0;
  for (let length = 700, ok = true; ok; length++) {
    const data = "x".repeat(length);
    ({ ok } = await bus.publishRaw("notes", {
      specversion: "1.0",
      id: `n-${length}`,
      source: "/t",
      type: noted.type,
      data,
    }));
    if (ok) taken++;
  }
  await spy.waitForCount("deadLettered", taken);
  await subscription.drain();
  const letters = bus.deadLetters(notes, "reader");
  expect(await letters.redrive()).toEqual({ done: taken, skipped: 0 });
  await letters.close();
  await bus.close();
});

it("opens dead letters again after a first opening that failed", async () => {
  const adapter = memory();
  const open = adapter.openReceiver.bind(adapter);
  let failures = 1;
  const flaky: Adapter = {
    ...adapter,
    openDeadLetters: async (source) => {
      if (failures-- > 0) throw new Error("503");
      return adapter.openDeadLetters?.(source) ?? ((await open({ ...source, startFrom: "earliest" })) as never);
    },
  };
  const bus = createBus({ source: "/t", adapter: flaky });
  const letters = bus.deadLetters(notes, "reader");
  await expect(letters.list()).rejects.toThrow("503");
  expect(await letters.list()).toEqual([]);
  await letters.close();
  await bus.close();
});

it("keeps order per key through sends that fail in passing", async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const clock = new ManualClock();
    const broker = createMemoryBroker({ clock });
    const faults = createFaults({ seed, failSend: 0.2 });
    const bus = createBus({ source: "/t", adapter: memory({ broker, faults, limits: { maxSendBatch: 10 } }), clock });
    const order: number[] = [];
    await bus.subscribe(notes, { name: "reader", order: "required" }, (event) => {
      order.push((event.data as { n: number }).n);
    });
    const numbers = Array.from({ length: 100 }, (_, n) => n);
    const published = bus.publish(
      notes,
      numbers.map((n) => noted({ n }, { key: "k" })),
    );
    await clock.runUntil(() => order.length >= 100);
    await published;
    const closing = bus.close();
    await clock.advance(1_000);
    await closing;
    expect([...new Set(order)], `seed ${seed}`).toEqual(numbers);
  }
});

it("answers publish by its signal and its deadline, and closes, although the broker never answers", async () => {
  const silent: Adapter = { ...memory(), openSender: () => new Promise(() => undefined) };
  const bus = createBus({ source: "/t", adapter: silent, publish: { deadlineMs: 50 } });
  const aborted = bus.publish(notes, noted({}), { signal: AbortSignal.timeout(10) });
  await expect(aborted).rejects.toMatchObject({ code: "WB_PUBLISH_ABORTED" });
  await expect(bus.publish(notes, noted({}))).rejects.toMatchObject({ code: "WB_PUBLISH_TIMEOUT" });
  const pending = bus.publish(notes, noted({}));
  await bus.close();
  await expect(pending).rejects.toMatchObject({ code: "WB_CLOSED" });
});

it("tries again to open what fails in passing", async () => {
  const broker = createMemoryBroker();
  const adapter = memory({ broker });
  let failures = 2;
  const flaky: Adapter = {
    ...adapter,
    classify: () => "transient",
    openSender: async (topic) => {
      if (failures-- > 0) throw new Error("ECONNREFUSED");
      return adapter.openSender(topic);
    },
  };
  const bus = createBus({ source: "/t", adapter: flaky });
  await bus.publish(notes, noted({}));
  expect(failures).toBe(-1);
  await bus.close();
});

it("refuses a subscription that would come to life on a closed bus", async () => {
  const bus = createBus({ source: "/t", adapter: memory() });
  const subscribing = bus.subscribe(notes, { name: "reader" }, () => undefined);
  const closing = bus.close();
  await expect(subscribing).rejects.toMatchObject({ code: "WB_CLOSED" });
  await closing;
});

/** A broker of one lane whose leases are short, cannot be renewed, and whose settlements are refused while it is cut off. */
function leasing(leaseMs: number) {
  const lost = new AbortController().signal;
  const waiting: string[] = [];
  const held = new Map<string, number>();
  const state = { cut: false, acked: new Set<string>() };
  const adapter: Adapter = {
    name: "leasing",
    classify: () => "transient",
    health: async () => ({ ok: true }),
    close: async () => undefined,
    openSender: () => Promise.reject(new Error("not here")),
    openReceiver: async () => ({
      capabilities: {
        settle: "each",
        order: "lane",
        lease: { ms: leaseMs, renewable: false },
        release: { maxDelayMs: 1_000 },
        reject: true,
        settleCost: "cheap",
        maxReceiveBatch: 10,
      },
      receive: async (want) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (state.cut) return [];
        for (const [id, untilMs] of held) if (untilMs <= Date.now() && !state.acked.has(id)) waiting.push(id);
        const all = [...new Set(waiting.splice(0))];
        const taken = all.splice(0, want.max);
        waiting.push(...all);
        return taken.map((id): Delivery => {
          held.set(id, Date.now() + leaseMs);
          const body = new TextEncoder().encode(
            JSON.stringify({ specversion: "1.0", id, source: "/s", type: noted.type }),
          );
          return {
            message: { id, key: "k", body, headers: {} },
            lane: "l",
            leaseUntil: new Date(Date.now() + leaseMs),
            lost,
            raw: id,
          };
        });
      },
      settle: async (settlements: readonly Settlement[]) =>
        settlements.map(({ delivery, kind }) => {
          if (state.cut) return { ok: false as const, error: new Error("cut off") };
          if (kind === "ack") state.acked.add(String(delivery.raw));
          if (kind === "ack") held.delete(String(delivery.raw));
          return done;
        }),
      close: async () => undefined,
    }),
  };
  return { adapter, state, put: (id: string) => waiting.push(id) };
}

it("handles a key again after its lease was lost and its handler timed out", async () => {
  const { adapter, put, state } = leasing(40);
  const bus = createBus({ source: "/t", adapter });
  let calls = 0;
  const called = Promise.withResolvers<void>();
  await bus.subscribe(notes, { name: "reader", handlerTimeoutMs: 100 }, async (_event, ctx) => {
    if (++calls > 1) return called.resolve();
    await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
    await new Promise((resolve) => setTimeout(resolve, 150));
  });
  put("e-1");
  await called.promise;
  await expect.poll(() => [...state.acked]).toEqual(["e-1"]);
  await bus.close();
});

it("receives again after an outage in which releases failed and leases ended", async () => {
  const { adapter, put, state } = leasing(40);
  const bus = createBus({ source: "/t", adapter });
  let failing = true;
  const options = { name: "reader", order: "none" as const, maxInFlight: 4, retry: { initialMs: 10, inPlaceMs: 0 } };
  await bus.subscribe(notes, options, () => {
    state.cut ||= failing;
    if (failing) throw new Error("the database is away too");
  });
  const ids = Array.from({ length: 12 }, (_, n) => `e-${n}`);
  for (const id of ids) put(id);
  await expect.poll(() => state.cut).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 150));
  failing = false;
  state.cut = false;
  await expect.poll(() => state.acked.size, { timeout: 8_000 }).toBe(ids.length);
  await bus.close();
});

describe("a broker that cannot be reached", () => {
  const away = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1, password=hunter2"), { code: "ECONNREFUSED" });
  const broken = (opens: (sender: Sender) => Sender | Promise<Sender>): Adapter => {
    const adapter = memory();
    return {
      ...adapter,
      classify: (error) => (error === away ? "transient" : adapter.classify(error)),
      openSender: async (topic) => opens(await adapter.openSender(topic)),
    };
  };
  const refuses = async (messages: readonly unknown[]) => messages.map(() => ({ ok: false, error: away }) as const);
  const refusesOnce = (then: Sender["send"]) => {
    let tries = 0;
    const send: Sender["send"] = (messages, signal) => (++tries === 1 ? refuses(messages) : then(messages, signal));
    return broken((sender) => ({ ...sender, send }));
  };
  const kinds: Record<string, () => Adapter> = {
    "refuses to open": () => broken(() => Promise.reject(away)),
    refuses: () => broken((sender) => ({ ...sender, send: refuses })),
    "refuses once and then hangs": () => refusesOnce(() => new Promise(() => undefined)),
    "refuses once and then waits to be aborted": () =>
      refusesOnce(
        (_, signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
      ),
  };
  const said = {
    sentence: expect.stringMatching(/\(connect ECONNREFUSED 127\.0\.0\.1:1, password=\*\*\*\)\.$/),
    cause: away,
  };

  it.each(Object.keys(kinds))("and %s: a deadline says what it answered until then", async (kind) => {
    await using bus = createBus({ source: "/t", adapter: kinds[kind]!(), publish: { deadlineMs: 150 } });
    await expect(bus.publish(notes, noted({}))).rejects.toMatchObject({ code: "WB_PUBLISH_TIMEOUT", ...said });
  });

  it.each(Object.keys(kinds))("and %s: so does a signal", async (kind) => {
    const bus = createBus({ source: "/t", adapter: kinds[kind]!() });
    onTestFinished(() => bus.close());
    const signal = AbortSignal.timeout(150);
    const publishing = bus.publish(notes, noted({}), { signal });
    await expect(publishing).rejects.toMatchObject({ code: "WB_PUBLISH_ABORTED", ...said });
  });

  it.each(["signal", "deadline"])("and refuses: a drain ends with the %s of what waits for another try", async (by) => {
    const deadlineMs = by === "deadline" ? 400 : 30_000;
    const bus = createBus({ source: "/t", adapter: kinds.refuses!(), publish: { deadlineMs } });
    onTestFinished(() => bus.close());
    const given = by === "signal" ? { signal: AbortSignal.timeout(400) } : {};
    const publishing = expect(bus.publish(notes, noted({}), given)).rejects.toMatchObject(said);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await bus.drain();
    await publishing;
  });
});

it("tells of no trouble when it is closed with acks that are still gathered", async () => {
  const troubles: unknown[] = [];
  const adapter = memory({ like: "event-hubs" });
  const gathering: Adapter = {
    ...adapter,
    openReceiver: async (source) => {
      const receiver = await adapter.openReceiver(source);
      let closed = false;
      return {
        capabilities: { ...receiver.capabilities, settle: "upTo", settleCost: "io" },
        receive: (want, signal) => receiver.receive(want, signal),
        settle: async (settlements, signal) =>
          closed
            ? settlements.map(() => ({ ok: false, error: new Error("The receiver is closed.") }))
            : receiver.settle(settlements, signal),
        close: () => {
          closed = true;
          return receiver.close();
        },
      };
    },
    classify: (error) => (error instanceof Error && /closed/.test(error.message) ? "closed" : adapter.classify(error)),
  };
  const bus = createBus({
    source: "/t",
    adapter: gathering,
    observers: [{ trouble: ({ error }) => void troubles.push(error) }],
  });
  const handled = Promise.withResolvers<void>();
  await bus.subscribe(notes, { name: "reader" }, async () => handled.resolve());
  await bus.publish(notes, noted({}));
  await handled.promise;
  // The ack is on its way to the settler, which gathers.
  await new Promise((resolve) => setTimeout(resolve, 20));
  await bus.close();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(troubles).toEqual([]);
});

it.each(["storage-queue", "service-bus", "kafka", "event-hubs"] as const)(
  "tells the broker what is done, and gives back what is unstarted, also when it is closed at once (like %s)",
  async (like) => {
    const broker = createMemoryBroker();
    const subscriptions = { notes: ["reader"] };
    const options = { like, broker, subscriptions, partitions: 1 } as const;
    const source = "/t";
    // A clock that stands still: closing waits for nothing.
    const first = createBus({ source, adapter: memory(options), clock: new ManualClock() });
    const firstSaw: number[] = [];
    const hanging = Promise.withResolvers<void>();
    await first.subscribe(notes, { name: "reader", concurrency: 1 }, async (event) => {
      const { n } = event.data as { n: number };
      firstSaw.push(n);
      if (n < 5) return;
      hanging.resolve();
      await Promise.withResolvers().promise;
    });
    const numbers = Array.from({ length: 10 }, (_, n) => n);
    await first.publish(
      notes,
      numbers.map((n) => noted({ n }, { key: "k" })),
    );
    await hanging.promise;
    await first.close();
    expect(firstSaw).toEqual([0, 1, 2, 3, 4, 5]);

    const second = createBus({ source, adapter: memory(options) });
    const secondSaw: number[] = [];
    const rest = Promise.withResolvers<void>();
    await second.subscribe(notes, { name: "reader" }, (event) => {
      secondSaw.push((event.data as { n: number }).n);
      if (secondSaw.includes(9)) rest.resolve();
    });
    await rest.promise;
    await second.close();
    expect(secondSaw.filter((n) => n < 5)).toEqual([]);
  },
);
