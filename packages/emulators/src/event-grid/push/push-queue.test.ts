import { describe, expect, it } from "vitest";
import { createClock } from "../../clock.ts";
import { DeadLetters } from "../dead-letters.ts";
import { acceptEvent } from "../events/accepted-event.ts";
import { createTiming } from "../timing.ts";
import type { AttemptResult } from "./destination.ts";
import { PushQueue, type PushSettings } from "./push-queue.ts";
import { outcomeOf, retryRules, type TargetKind } from "./retry-rules.ts";

const START = Date.parse("2026-03-04T05:06:07Z");
const turn = () => new Promise((resolve) => setImmediate(resolve));

interface Call {
  readonly ids: readonly unknown[];
  readonly attempt: number;
  readonly atMs: number;
}

function open(
  answer: (call: Call) => number | undefined | AttemptResult | Promise<AttemptResult>,
  given: Partial<PushSettings> & { kind?: TargetKind; isNamespace?: boolean; speed?: number } = {},
) {
  const clock = createClock({ frozenAt: START });
  const timing = createTiming(clock, given.speed ?? 1);
  const calls: Call[] = [];
  const blobs: { path: string; letters: Record<string, unknown>[]; atMs: number }[] = [];
  let brokenWrites = 0;
  const deadLetters = new DeadLetters(
    "billing",
    "CloudEventSchemaV1_0",
    async (path, json) => {
      if (brokenWrites > 0) {
        brokenWrites -= 1;
        throw new Error("The container is away.");
      }
      blobs.push({ path, letters: JSON.parse(json), atMs: clock.now() - START });
    },
    timing,
  );
  const queue = new PushQueue(
    {
      rules: retryRules(given.kind ?? "webhook", given.isNamespace ?? false),
      maxAttempts: 30,
      timeToLiveMs: 1440 * 60_000,
      maxEventsPerBatch: 1,
      maxBatchBytes: 65_536,
      reasons: { attempts: "ATTEMPTS", expired: "EXPIRED", final: "FINAL" },
      ...given,
    },
    async (events, attempt) => {
      const call = { ids: events.map(({ attributes }) => attributes.id), attempt, atMs: clock.now() - START };
      calls.push(call);
      const result = answer(call);
      if (typeof result === "object") return result;
      if (result === 200) return { kind: "delivered" };
      const outcome = result === undefined ? "SocketError" : outcomeOf(result);
      return { kind: "failed", failure: { status: result, outcome } };
    },
    deadLetters,
    timing,
  );
  return {
    queue,
    calls,
    blobs,
    deadLetters,
    breakWrites: (count: number) => {
      brokenWrites = count;
    },
    publish: async (...ids: (string | object)[]) => {
      const attributes = ids.map((id) => (typeof id === "string" ? { id, type: "t" } : id) as Record<string, unknown>);
      queue.offer(attributes.map((one) => acceptEvent("CloudEventSchemaV1_0", one, clock.now())));
      await turn();
    },
    /** Moves the clock from timer to timer, so that answers come in between. */
    advance: async (ms: number, step = 1000) => {
      for (let left = ms; left > 0; left -= step) {
        clock.advance(0);
        await turn();
        clock.advance(Math.min(step, left));
        await turn();
      }
    },
  };
}

const seconds = (calls: readonly Call[]) => calls.map(({ atMs }) => atMs / 1000);

// fidelity event-grid partial: retry schedule and time to live — the documented steps, without the service's random part
describe("retry", () => {
  it("follows the documented schedule", async () => {
    const { publish, advance, calls } = open(() => 500, { timeToLiveMs: 60 * 3_600_000 });
    await publish("1");
    await advance(36 * 3_600_000, 10_000);
    const waits = seconds(calls).map((at, index, all) => at - (all[index - 1] ?? 0));
    expect(waits).toHaveLength(12);
    expect(waits).toEqual([0, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200, 43_200]);
    expect(calls.map(({ attempt }) => attempt)).toEqual(waits.map((_, index) => index));
  });

  it("waits longer after some statuses", async () => {
    const first = async (status: number, kind: TargetKind = "webhook") => {
      const { publish, advance, calls } = open(() => status, { kind, maxAttempts: 2 });
      await publish("1");
      await advance(301_000);
      return seconds(calls)[1];
    };
    expect(await first(404)).toBe(300);
    expect(await first(408)).toBe(120);
    expect(await first(503)).toBe(30);
    expect(await first(429)).toBe(10);
    expect(await first(302)).toBe(10);
    expect(await first(401, "azure")).toBe(300);
  });

  it("makes waits shorter by the speed-up factor", async () => {
    const { publish, advance, calls } = open(() => 500, { speed: 100, maxAttempts: 3 });
    await publish("1");
    await advance(1000, 50);
    expect(seconds(calls)).toEqual([0, 0.1, 0.4]);
  });

  // fidelity event-grid: which statuses are success, and which are tried again
  it.each([400, 401, 403, 413])("does not try again after %d from a webhook", async (status) => {
    const { publish, advance, calls, deadLetters } = open(() => status);
    await publish("1");
    expect(deadLetters.waitingCount).toBe(1);
    await advance(600_000, 60_000);
    expect(calls).toHaveLength(1);
  });

  // fidelity event-grid: namespace topics: push to a webhook
  it("has its own rules for a namespace topic: at once first, and silence is final", async () => {
    const busy = open(() => 500, { isNamespace: true, maxAttempts: 7 });
    await busy.publish("1");
    await busy.advance(20 * 60_000, 5000);
    expect(seconds(busy.calls)).toEqual([0, 0, 10, 40, 100, 400, 700]);
    for (const status of [404, 414, undefined]) {
      const { publish, advance, calls } = open(() => status, { isNamespace: true });
      await publish("1");
      await advance(10_000);
      expect(calls).toHaveLength(1);
    }
  });

  // fidelity event-grid: 30 s for an answer; late answers
  it("forgets an event whose answer came late but well", async () => {
    let answerLate: (isDelivered: boolean) => void = () => undefined;
    const late = new Promise<boolean>((resolve) => {
      answerLate = resolve;
    });
    const failure = { status: undefined, outcome: "TimedOut" };
    const { publish, advance, calls, queue } = open(() => ({ kind: "failed", failure, late }));
    await publish("1");
    expect(queue.view()[0]).toMatchObject({ attempts: 1, lastOutcome: "TimedOut" });
    answerLate(true);
    await advance(20_000);
    expect(calls).toHaveLength(1);
    expect([queue.delivered, queue.view()]).toEqual([1, []]);
  });
});

// fidelity event-grid: dead letters, to blobs of Azurite or a function
// fidelity event-grid partial: retry schedule and time to live — the documented steps, without the service's random part
describe("dead letters", () => {
  it("come after the last attempt and five minutes, many in one blob", async () => {
    const { publish, advance, blobs } = open(() => 500, { maxAttempts: 2 });
    await publish("1", { id: "2", type: "t", ext: "x", data: 0 });
    await advance(311_000);
    expect(blobs).toHaveLength(1);
    expect(blobs[0]!.atMs).toBe(310_000);
    expect(blobs[0]!.path).toMatch(/^BILLING\/2026\/3\/4\/5\/[0-9a-f-]{36}\.json$/);
    expect(blobs[0]!.letters).toEqual([
      {
        id: "1",
        type: "t",
        deadletterreason: "ATTEMPTS",
        deliveryattempts: 2,
        lastdeliveryoutcome: "GenericError",
        publishtime: "2026-03-04T05:06:07.000Z",
      },
      expect.objectContaining({ id: "2", ext: "x", data: 0 }),
    ]);
  });

  it("come when the time to live is over, which is seen at the next attempt only", async () => {
    const { publish, advance, calls, blobs, queue } = open(() => 500, { timeToLiveMs: 60_000 });
    await publish("1");
    await advance(99_000);
    expect(queue.view()).toHaveLength(1);
    await advance(1000 + 300_000);
    expect(seconds(calls)).toEqual([0, 10, 40]);
    expect(blobs[0]!.letters[0]).toMatchObject({ deadletterreason: "EXPIRED", deliveryattempts: 3 });
  });

  it("are written again for four hours, then dropped", async () => {
    const broken = open(() => 400);
    broken.breakWrites(3);
    await broken.publish("1");
    await broken.advance(600_000, 10_000);
    expect(broken.blobs).toHaveLength(1);
    expect(broken.deadLetters.written).toBe(1);

    const lost = open(() => 400);
    lost.breakWrites(Number.POSITIVE_INFINITY);
    await lost.publish("1");
    await lost.advance(5 * 3_600_000, 60_000);
    expect([lost.deadLetters.waitingCount, lost.deadLetters.dropped]).toEqual([0, 1]);
  });

  it("are dropped without a writer", () => {
    const clock = createClock({ frozenAt: START });
    const letters = new DeadLetters("billing", "namespace", undefined, createTiming(clock, 1));
    const event = acceptEvent("CloudEventSchemaV1_0", { id: "1" }, START);
    letters.add({ event, reason: "r", attempts: 1, outcome: "o", lastAttemptAt: START });
    expect([letters.waitingCount, letters.dropped]).toEqual([0, 1]);
  });
});

// fidelity event-grid: webhook batching
describe("batches", () => {
  it("keep to the number of events, all or none", async () => {
    const { publish, advance, calls, queue } = open(({ attempt }) => (attempt === 0 ? 500 : 200), {
      maxEventsPerBatch: 3,
    });
    await publish("1", "2", "3", "4");
    expect(calls.map(({ ids }) => ids)).toEqual([["1", "2", "3"], ["4"]]);
    await advance(10_000);
    expect(calls.slice(2).map(({ ids }) => ids)).toEqual([["1", "2", "3"], ["4"]]);
    expect(queue.delivered).toBe(4);
  });

  it("never mix attempts, so that the count in the header is true of all", async () => {
    const { promise: free, resolve } = Promise.withResolvers<AttemptResult>();
    const { publish, advance, calls } = open(
      ({ ids, attempt }) => (ids[0] === "1" ? (attempt === 0 ? 500 : 200) : free),
      {
        maxEventsPerBatch: 2,
      },
    );
    await publish("1");
    // As many requests as may be open at a time, so that both wait.
    await publish(...Array.from({ length: 64 }, (_, at) => `busy-${at}`));
    await advance(10_000);
    await publish("2");
    resolve({ kind: "delivered" });
    await turn();
    expect(calls.slice(-2).map(({ ids, attempt }) => [...ids, attempt])).toEqual([
      ["1", 1],
      ["2", 0],
    ]);
  });

  it("keep to the size, but take one event that is larger alone", async () => {
    const data = "x".repeat(40);
    const { publish, calls } = open(() => 200, { maxEventsPerBatch: 10, maxBatchBytes: 130 });
    await publish({ id: "1", data }, { id: "2", data }, { id: "3", data: "x".repeat(300) }, { id: "4" });
    expect(calls.map(({ ids }) => ids)).toEqual([["1", "2"], ["3"], ["4"]]);
  });
});
