import { describe, expect, it } from "vitest";
import type { ReceiverCapabilities, SenderCapabilities } from "../spi/capabilities.ts";
import { chooseRetryWay, type RetrySituation } from "./retry-way.ts";

const receiver: ReceiverCapabilities = {
  settle: "each",
  order: "none",
  lease: { ms: 30_000, renewable: true },
  release: false,
  reject: false,
  settleCost: "cheap",
  maxReceiveBatch: 10,
};
const scheduling = { schedule: { maxDelayMs: 3_600_000 } } as SenderCapabilities;
const situation = (changes: Partial<RetrySituation>): RetrySituation => ({
  delayMs: 10_000,
  ordered: false,
  inPlaceMs: 1_000,
  receiver,
  returnSender: undefined,
  leaseLeftMs: undefined,
  ...changes,
});

describe("chooseRetryWay", () => {
  it("keeps an ordered event in place, however long the wait and whatever the broker could do", () => {
    const able = { ...receiver, order: "lane" as const, release: { maxDelayMs: 604_800_000 } };
    expect(chooseRetryWay(situation({ ordered: true, receiver: able, returnSender: scheduling }))).toEqual({
      kind: "in-place",
    });
  });

  it("waits in place when the wait is short", () => {
    const able = { ...receiver, release: { maxDelayMs: 604_800_000 } };
    expect(chooseRetryWay(situation({ delayMs: 1_000, receiver: able }))).toEqual({ kind: "in-place" });
  });

  it("releases with the delay, or the longest that the broker keeps", () => {
    expect(chooseRetryWay(situation({ receiver: { ...receiver, release: { maxDelayMs: 604_800_000 } } }))).toEqual({
      kind: "release",
      delayMs: 10_000,
    });
    expect(chooseRetryWay(situation({ receiver: { ...receiver, release: { maxDelayMs: 4_000 } } }))).toEqual({
      kind: "release",
      delayMs: 4_000,
    });
  });

  it("takes the first step that is long enough, else the longest", () => {
    const steps = { ...receiver, release: { stepsMs: [0, 10_000, 60_000] } };
    expect(chooseRetryWay(situation({ delayMs: 10_001, receiver: steps }))).toEqual({
      kind: "release",
      delayMs: 60_000,
    });
    expect(chooseRetryWay(situation({ delayMs: 90_000, receiver: steps }))).toEqual({
      kind: "release",
      delayMs: 60_000,
    });
  });

  it("copies where only a release without delay exists", () => {
    const now = { ...receiver, release: "now" as const };
    expect(chooseRetryWay(situation({ receiver: now, returnSender: scheduling }))).toEqual({ kind: "copy" });
    expect(chooseRetryWay(situation({ receiver: now }))).toEqual({ kind: "in-place" });
  });

  it("never waits in place beyond a lease that cannot be renewed", () => {
    const webhook = { ...receiver, release: "broker" as const };
    expect(chooseRetryWay(situation({ delayMs: 500, receiver: webhook, leaseLeftMs: 600 }))).toEqual({
      kind: "release",
      delayMs: 0,
    });
    expect(chooseRetryWay(situation({ delayMs: 100, receiver: webhook, leaseLeftMs: 600 }))).toEqual({
      kind: "in-place",
    });
  });

  it("has only this process where nothing can be given back", () => {
    expect(chooseRetryWay(situation({ receiver: { ...receiver, lease: false } }))).toEqual({ kind: "in-place" });
  });
});
