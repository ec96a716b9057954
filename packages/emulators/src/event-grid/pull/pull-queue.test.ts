import { describe, expect, it } from "vitest";
import { createClock } from "../../clock.ts";
import { DeadLetters } from "../dead-letters.ts";
import { acceptEvent } from "../events/accepted-event.ts";
import { createTiming } from "../timing.ts";
import { PullQueue, type PullSettings } from "./pull-queue.ts";

const START = Date.parse("2026-03-04T05:06:07Z");
const NEVER = new AbortController().signal;
const DAY = 86_400_000;

function open(given: Partial<PullSettings> & { speed?: number } = {}) {
  const clock = createClock({ frozenAt: START });
  const timing = createTiming(clock, given.speed ?? 1);
  const blobs: Record<string, unknown>[][] = [];
  const deadLetters = new DeadLetters(
    "pull",
    "namespace",
    async (_path, json) => void blobs.push(JSON.parse(json)),
    timing,
  );
  const settings = { lockMs: 60_000, maxDeliveries: 10, timeToLiveMs: 7 * DAY, ...given };
  const queue = new PullQueue(settings, deadLetters, timing);
  return {
    clock,
    queue,
    deadLetters,
    blobs,
    publish: (...ids: string[]) =>
      queue.offer(ids.map((id) => acceptEvent("CloudEventSchemaV1_0", { id, data: 0 }, clock.now()))),
    receive: async (max = 100, waitMs = 10_000) => {
      const events = await queue.receive(max, waitMs, NEVER);
      return events.map(({ event, ...rest }) => ({ id: event.attributes.id, ...rest }));
    },
    states: () => queue.view().map(({ id, state, deliveryCount }) => [id, state, deliveryCount]),
  };
}

// fidelity event-grid: namespace topics: publish and receive
describe("receive", () => {
  it("locks what it gives, so that no second receiver gets it", async () => {
    const { publish, receive, states } = open();
    publish("1", "2", "3");
    expect(await receive(2)).toMatchObject([
      { id: "1", deliveryCount: 1 },
      { id: "2", deliveryCount: 1 },
    ]);
    expect((await receive()).map(({ id }) => id)).toEqual(["3"]);
    expect(states()).toEqual([
      ["1", "locked", 1],
      ["2", "locked", 1],
      ["3", "locked", 1],
    ]);
  });

  it("waits for the first event, up to its time", async () => {
    const { publish, receive, clock } = open();
    const first = receive(5);
    const second = receive(5, 20_000);
    publish("1", "2");
    expect((await first).map(({ id }) => id)).toEqual(["1", "2"]);
    clock.advance(19_999);
    let ended = false;
    void second.then(() => {
      ended = true;
    });
    await new Promise(setImmediate);
    expect(ended).toBe(false);
    clock.advance(1);
    expect(await second).toEqual([]);
  });

  it("takes nothing for a receiver that has left", async () => {
    const { queue, publish, states } = open();
    const gone = new AbortController();
    const waiting = queue.receive(1, 10_000, gone.signal);
    gone.abort();
    expect(await waiting).toEqual([]);
    publish("1");
    expect(states()).toEqual([["1", "available", 0]]);
  });
});

describe("locks", () => {
  // fidelity event-grid: namespace topics: renew locks
  it("end after their length: the token is lost and the event comes again", async () => {
    const { publish, receive, clock, queue } = open({ lockMs: 5000 });
    publish("1");
    const [first] = await receive();
    clock.advance(4999);
    expect(queue.view()[0]?.state).toBe("locked");
    clock.advance(1);
    expect(queue.acknowledge(first!.lockToken)).toBe("TokenLost");
    const [again] = await receive();
    expect(again).toMatchObject({ id: "1", deliveryCount: 2 });
    expect(queue.acknowledge(again!.lockToken)).toBeUndefined();
    expect(queue.view()).toEqual([]);
  });

  // fidelity event-grid: namespace topics: renew locks
  it("get their full length again by renewal, within an hour of the receipt", async () => {
    const { publish, receive, clock, queue } = open({ lockMs: 300_000 });
    publish("1");
    const [{ lockToken } = { lockToken: "" }] = await receive();
    for (let minutes = 4; minutes < 60; minutes += 4) {
      clock.advance(4 * 60_000);
      expect(queue.renew(lockToken)).toBeUndefined();
    }
    expect(queue.view()[0]?.lockedUntil?.getTime()).toBe(clock.now() + 300_000);
    clock.advance(4 * 60_000);
    expect(queue.renew(lockToken)).toBe("TokenLost");
    expect(queue.acknowledge(lockToken)).toBeUndefined();
  });

  // fidelity event-grid: faults on demand, in process and over HTTP
  it("can be ended by hand, one or all", async () => {
    const { publish, receive, queue, states } = open();
    publish("1", "2", "3");
    const [first] = await receive();
    expect(queue.expireLocks(first!.lockToken)).toBe(1);
    expect(states()[0]).toEqual(["1", "available", 1]);
    expect(queue.expireLocks()).toBe(2);
    expect(queue.expireLocks("nobody")).toBe(0);
  });

  // fidelity event-grid: namespace topics: acknowledge
  it("tell a malformed token from one that is lost", () => {
    const { queue } = open();
    expect(queue.acknowledge("x")).toBe("BadToken");
    expect(queue.reject("A".repeat(32))).toBe("TokenLost");
  });
});

describe("settling", () => {
  // fidelity event-grid: namespace topics: release with its delays
  it("releases at once or after the delay", async () => {
    const { publish, receive, clock, queue, states } = open();
    publish("1", "2");
    const [first, second] = await receive();
    queue.release(first!.lockToken, 0);
    queue.release(second!.lockToken, 10_000);
    expect(states()).toEqual([
      ["1", "available", 1],
      ["2", "delayed", 1],
    ]);
    expect((await receive()).map(({ id }) => id)).toEqual(["1"]);
    const waiting = receive();
    clock.advance(9999);
    expect(states()[1]).toEqual(["2", "delayed", 1]);
    clock.advance(1);
    expect(await waiting).toMatchObject([{ id: "2", deliveryCount: 2 }]);
  });

  // fidelity event-grid: namespace topics: release with its delays
  // fidelity event-grid: namespace topics: publish and receive
  it("gives up at the largest number of deliveries, by release and by a lost lock", async () => {
    const { publish, receive, clock, queue, blobs } = open({ maxDeliveries: 2, lockMs: 1000 });
    publish("1", "2");
    for (let round = 0; round < 2; round += 1) {
      const received = await receive();
      expect(received).toHaveLength(2);
      queue.release(received[0]!.lockToken, 0);
      clock.advance(1000);
    }
    expect(queue.view()).toEqual([]);
    clock.advance(300_000);
    await new Promise(setImmediate);
    expect(blobs.flat()).toMatchObject([
      {
        deadLetterProperties: {
          deadletterreason: "Maximum delivery attempts was exceeded.",
          deliveryattempts: 2,
          publishutc: "2026-03-04T05:06:07.000Z",
        },
        event: { id: "1", data: 0 },
      },
      { deadLetterProperties: { deliveryresult: "Event was not acknowledged nor rejected." }, event: { id: "2" } },
    ]);
  });

  // fidelity event-grid: namespace topics: reject
  it("rejects to the dead letters", async () => {
    const { publish, receive, queue, deadLetters } = open();
    publish("1");
    const [first] = await receive();
    expect(queue.reject(first!.lockToken)).toBeUndefined();
    expect([queue.view(), deadLetters.waitingCount]).toEqual([[], 1]);
  });
});

// fidelity event-grid: namespace topics: publish and receive
describe("time to live", () => {
  it("ends what waits, and a held event only when its lock ends", async () => {
    const { publish, receive, clock, queue, deadLetters } = open({ timeToLiveMs: 30_000, lockMs: 60_000 });
    publish("held", "delayed", "waits");
    const [, delayed] = await receive(2);
    queue.release(delayed!.lockToken, 600_000);
    clock.advance(29_999);
    expect(queue.view()).toHaveLength(3);
    clock.advance(1);
    expect(queue.view().map(({ id }) => id)).toEqual(["held"]);
    clock.advance(30_000);
    expect(queue.view()).toEqual([]);
    expect(deadLetters.waitingCount).toBe(3);
  });
});

// fidelity event-grid: namespace topics: publish and receive
// fidelity event-grid: namespace topics: release with its delays
describe("the speed-up", () => {
  it("shortens delays and times to live, and leaves locks as they are", async () => {
    const { publish, receive, clock, queue, states } = open({ timeToLiveMs: 7 * DAY, lockMs: 60_000, speed: 1000 });
    publish("1", "2");
    const [first] = await receive(1);
    queue.release(first!.lockToken, 600_000);
    clock.advance(599);
    expect(states()[0]).toEqual(["1", "delayed", 1]);
    clock.advance(1);
    expect(states()[0]).toEqual(["1", "available", 1]);
    await receive(1);
    clock.advance(59_999);
    expect(states()[1]).toEqual(["2", "locked", 1]);
    clock.advance(1);
    expect(states()[1]).toEqual(["2", "available", 1]);
    clock.advance(604_799 - 60_600);
    expect(queue.view()).toHaveLength(2);
    clock.advance(1);
    expect(queue.view()).toEqual([]);
  });
});
