import { describe, expect, it } from "vitest";
import { durationMs, withMs } from "./duration.ts";

describe("durationMs", () => {
  it.each([
    ["100ms", 100],
    ["30s", 30_000],
    ["1.5m", 90_000],
    ["1h", 3_600_000],
    ["7d", 604_800_000],
  ])("reads %s", (text, ms) => expect(durationMs(text)).toBe(ms));

  it.each(["", "30", "s", "-5s", "5 s", "5sec", "1h30m"])("refuses %j", (text) =>
    expect(durationMs(text)).toBeUndefined(),
  );
});

describe("withMs", () => {
  it("knows durations by their twin", () => {
    expect(withMs({ lease: "1s", hub: "5m", batch: 3 }, new Set(["lease", "leaseMs", "hub"]))).toEqual({
      leaseMs: 1_000,
      hub: "5m",
      batch: 3,
    });
  });

  it("takes any text that reads as a duration where the options are not known, save physical names", () => {
    const options = { poll: "1s", nested: { wait: "2s" }, names: { orders: "5m" }, list: ["1s"] };
    expect(withMs(options)).toEqual({
      pollMs: 1_000,
      nested: { waitMs: 2_000 },
      names: { orders: "5m" },
      list: ["1s"],
    });
  });
});
