import { describe, expect, it } from "vitest";
import type { Delivery } from "./delivery.ts";
import { Handoff } from "./handoff.ts";

const never = new AbortController().signal;
const want = (max: number, paused: string[] = [], maxBytes = 1_000) => ({
  max,
  maxBytes,
  pausedLanes: new Set(paused),
});
const delivery = (id: string, lane?: string, bytes = 1): Delivery => ({
  message: { id, body: new Uint8Array(bytes), headers: {} },
  lane,
  lost: never,
  raw: undefined,
});
const ids = (taken: readonly Delivery[]) => taken.map((one) => one.message.id);

describe("Handoff", () => {
  it("resolves an offer only when all of it has been taken", async () => {
    const handoff = new Handoff();
    let taken = false;
    const offered = handoff.offer([delivery("1"), delivery("2")]).then(() => {
      taken = true;
    });
    expect(ids(await handoff.receive(want(1), never))).toEqual(["1"]);
    await Promise.resolve();
    expect(taken).toBe(false);
    expect(ids(await handoff.receive(want(1), never))).toEqual(["2"]);
    await offered;
  });

  it("wakes a receive that waits", async () => {
    const handoff = new Handoff();
    const receiving = handoff.receive(want(5), never, 60_000);
    void handoff.offer([delivery("1")]);
    expect(ids(await receiving)).toEqual(["1"]);
  });

  it("holds paused lanes back without holding the others up", async () => {
    const handoff = new Handoff();
    void handoff.offer([delivery("a1", "a"), delivery("b1", "b"), delivery("a2", "a")]);
    expect(ids(await handoff.receive(want(5, ["a"]), never))).toEqual(["b1"]);
    expect(ids(await handoff.receive(want(5), never))).toEqual(["a1", "a2"]);
  });

  it("bounds by bytes, and always lets one through", async () => {
    const handoff = new Handoff();
    void handoff.offer([delivery("1", undefined, 900), delivery("2", undefined, 900)]);
    expect(ids(await handoff.receive(want(5, [], 100), never))).toEqual(["1"]);
  });

  it("answers [] once its signal aborts and keeps what it would have handed over", async () => {
    const handoff = new Handoff();
    const abort = new AbortController();
    const receiving = handoff.receive(want(5), abort.signal, 60_000);
    abort.abort();
    expect(await receiving).toEqual([]);
    void handoff.offer([delivery("1")]);
    expect(ids(await handoff.receive(want(5), never))).toEqual(["1"]);
  });

  it("withdraws an offer whose signal aborts", async () => {
    const handoff = new Handoff();
    const abort = new AbortController();
    const offered = handoff.offer([delivery("1")], abort.signal);
    abort.abort();
    await offered;
    expect(await handoff.receive(want(5), never, 1)).toEqual([]);
  });

  it("throws what the SDK reported, once", async () => {
    const handoff = new Handoff();
    handoff.fail(new Error("link detached"));
    await expect(handoff.receive(want(1), never)).rejects.toThrow("link detached");
    expect(await handoff.receive(want(1), never, 1)).toEqual([]);
  });

  it("discards what belongs to a revoked lane", async () => {
    const handoff = new Handoff();
    const offered = handoff.offer([delivery("a1", "a"), delivery("b1", "b")]);
    handoff.discard((one) => one.lane === "a");
    expect(ids(await handoff.receive(want(5), never))).toEqual(["b1"]);
    await offered;
  });
});
