import { describe, expect, it } from "vitest";
import type { Delivery } from "../spi/delivery.ts";
import { Lanes } from "./lanes.ts";
import { createWork, type Work } from "./work.ts";

const limits = { maxInFlight: 8, maxInFlightBytes: 1_000, maxReceiveBatch: 100, maxAhead: 20 };
const signals = new Map<string, AbortController>();

function delivery(id: string, lane: string, lost = signals.get(lane) ?? new AbortController()): Delivery {
  signals.set(lane, lost);
  return { message: { id, body: new Uint8Array(10), headers: {} }, lane, lost: lost.signal, raw: undefined };
}

function open() {
  signals.clear();
  const lanes = new Lanes(limits);
  const revoked: string[] = [];
  const add = (id: string, lane: string, key?: string): Work => {
    const one = delivery(id, lane);
    const work = createWork(
      one,
      lanes.of(one, (gone) => revoked.push(gone.id!)),
    );
    lanes.add(work, key);
    return work;
  };
  const run = () => {
    const work = lanes.next();
    if (work !== undefined) work.state = "running";
    return work?.delivery.message.id;
  };
  return { lanes, add, run, revoked };
}

describe("Lanes", () => {
  it("takes the lanes in turn, so that a busy one does not hold the others up", () => {
    const { add, run } = open();
    for (const id of ["a1", "a2", "a3"]) add(id, "a");
    add("b1", "b");
    add("c1", "c");
    expect([run(), run(), run(), run(), run(), run()]).toEqual(["a1", "b1", "c1", "a2", "a3", undefined]);
  });

  it("lets one event of a key run at a time, in order, and other keys pass", () => {
    const { lanes, add, run } = open();
    const first = add("k1", "a", "k");
    add("k2", "a", "k");
    add("other", "a", "o");
    expect([run(), run(), run()]).toEqual(["k1", "other", undefined]);
    lanes.leave(first, "k", false);
    expect(run()).toBe("k2");
  });

  it("parks a key while its head waits, without counting it against the budget", () => {
    const { lanes, add, run } = open();
    const head = add("k1", "a", "k");
    add("k2", "a", "k");
    run();
    expect(lanes.want().max).toBe(7);
    lanes.park(head);
    expect(lanes.want().max).toBe(8);
    expect(run()).toBeUndefined();
    lanes.unpark(head);
    expect(run()).toBe("k1");
  });

  it("pauses a lane that holds too much behind one key, and unpauses it when half is gone", () => {
    const { lanes, add, run } = open();
    const works = Array.from({ length: 9 }, (_, i) => add(`k${i}`, "a", "k"));
    expect([...lanes.want().pausedLanes]).toEqual(["a"]);
    expect(lanes.want().max).toBe(7);
    let unpaused = 0;
    for (const work of works) {
      expect(run()).toBe(work.delivery.message.id);
      lanes.leave(work, "k", false);
      work.state = "finished";
      work.lane.advance();
      if (lanes.left(work.lane)) unpaused++;
    }
    expect(unpaused).toBe(1);
    expect(lanes.pausedCount).toBe(0);
  });

  it("pauses a lane that runs too far ahead of its watermark", () => {
    const { lanes, add, run } = open();
    add("stuck", "a");
    run();
    for (let i = 0; i < 19; i++) {
      const work = add(`w${i}`, "a");
      run();
      lanes.leave(work, undefined, false);
      work.state = "finished";
      expect(work.lane.advance()).toBeUndefined();
    }
    expect([...lanes.want().pausedLanes]).toEqual(["a"]);
  });

  it("moves the watermark only over what is finished without a gap", () => {
    const { add } = open();
    const [one, two, three] = [add("1", "a"), add("2", "a"), add("3", "a")];
    two!.state = "finished";
    expect(one!.lane.advance()).toBeUndefined();
    one!.state = "finished";
    expect(one!.lane.advance()).toBe(two);
    three!.state = "finished";
    expect(one!.lane.advance()).toBe(three);
    expect(one!.lane.length).toBe(0);
  });

  it("halts a key: what comes later stays blocked", () => {
    const { lanes, add, run } = open();
    const first = add("k1", "a", "k");
    add("k2", "a", "k");
    run();
    lanes.leave(first, "k", true);
    add("k3", "a", "k");
    expect(run()).toBeUndefined();
  });

  it("drops a lane that is taken away, and knows it anew when it comes back", () => {
    const { lanes, add, run, revoked } = open();
    const old = add("1", "a");
    add("2", "a");
    run();
    signals.get("a")!.abort(new Error("revoked"));
    expect(revoked).toEqual(["a"]);
    expect(lanes.drop(old.lane).map((work) => work.state)).toEqual(["gone", "gone"]);
    expect(lanes.want().max).toBe(8);
    signals.delete("a");
    expect(add("1", "a").lane).not.toBe(old.lane);
    expect(run()).toBe("1");
  });
});
