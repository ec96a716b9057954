import type { Adapter } from "@waybill/core/spi";
import { describe, expect, it } from "vitest";
import { conformanceCases } from "./cases/index.ts";
import { checkDeviations, judge, runCase } from "./run-case.ts";
import { realTime } from "./time.ts";

const passed = { status: "passed" } as const;
const failed = { status: "failed", error: new Error("x") } as const;
const skipped = { status: "skipped", reason: "has no lease" } as const;

describe("a deviation", () => {
  it("turns a failure into a skip with its reason", () => {
    expect(judge("some case", failed, "the broker cannot")).toEqual({
      status: "skipped",
      reason: "deviates: the broker cannot",
    });
  });

  it("is stale when its case passes or does not apply", () => {
    for (const result of [passed, skipped]) {
      const judged = judge("some case", result, "the broker cannot");
      expect(judged).toMatchObject({ status: "failed" });
      expect(String((judged as { error: unknown }).error)).toContain('"some case" is stale');
    }
  });

  it("changes nothing for the others", () => {
    for (const result of [passed, failed, skipped]) expect(judge("some case", result, undefined)).toBe(result);
  });

  it("must name a case of the suite and give a reason", () => {
    const { name } = conformanceCases[0]!;
    expect(() => checkDeviations({ [name]: "because" }, conformanceCases)).not.toThrow();
    expect(() => checkDeviations({ "no such case": "because" }, conformanceCases)).toThrow("names no case");
    expect(() => checkDeviations({ [name]: " " }, conformanceCases)).toThrow("needs a reason");
  });
});

describe("the suite", () => {
  it("has stable, distinct names that say part and rule", () => {
    const names = conformanceCases.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-zA-Z]+([- ][a-z]+)?(\/[a-zA-Z ]+)?: \S/);
  });
});

describe("running a case", () => {
  it("fails for an adapter that cannot open, and still closes it and the harness", async () => {
    const closed: string[] = [];
    const adapter = {
      name: "broken",
      openSender: () => Promise.reject(new Error("no")),
      openReceiver: () => Promise.reject(new Error("no")),
      classify: () => "unknown",
      health: async () => ({ ok: true }),
      close: async () => void closed.push("adapter"),
    } as unknown as Adapter;
    const run = await runCase(conformanceCases.find(({ name }) => name.startsWith("send: nothing"))!, {
      open: () => adapter,
      harness: () => ({ time: realTime(), close: async () => void closed.push("harness") }),
    });
    expect(run.result).toMatchObject({ status: "failed" });
    expect(closed).toEqual(["adapter", "harness"]);
  });

  it("skips with the reason when the harness lacks an ability", async () => {
    const lost = conformanceCases.find(({ name }) => name.startsWith("lost: what the broker"))!;
    const run = await runCase(lost, {
      open: () => Promise.reject(new Error("not reached")),
      harness: () => ({ time: realTime() }),
    });
    expect(run.result).toMatchObject({ status: "skipped", reason: expect.stringContaining("Harness.revoke") });
  });
});
