import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { capabilityTable, writeCapabilityTables } from "./capability-table.ts";
import { type MeasuredCapabilities, measuredCapabilities, recordRun } from "./measured.ts";

const run = (name: string, settle: string): MeasuredCapabilities => ({
  name,
  page: "some-broker",
  capabilities: {
    settle: { value: settle, cases: ["settle/each: one"] },
    lease: { value: "none", cases: ["lease: a"] },
  },
  cases: { passed: 2, skipped: 1, failed: 0 },
  deviations: { "order: x": "it has one lane | only" },
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "waybill-tables-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("the capability table", () => {
  it("shows what was measured, by which cases, and what deviates", () => {
    const table = capabilityTable([run("some broker", "each")]);
    expect(table).toContain("| settle | each | `settle/each: one` |");
    expect(table).toContain("2 cases hold, 1 do not apply.");
    expect(table).toContain("- Deviates in `order: x`: it has one lane | only");
  });

  it("has a column for each run of a page, and a dash for what no case saw", () => {
    const other: MeasuredCapabilities = {
      ...run("other", "each"),
      capabilities: { lease: { value: "renewable", cases: [] } },
    };
    expect(capabilityTable([run("one", "up to"), other])).toContain("| settle | up to | – |");
  });

  it("replaces what stands between the marks and nothing else", () => {
    recordRun(run("some broker", "each"), folder);
    expect(measuredCapabilities("some broker")?.capabilities.settle?.value).toBe("each");
    const page = join(folder, "some-broker.md");
    writeFileSync(page, "before\n<!-- capabilities:begin -->\nformer table\n<!-- capabilities:end -->\nafter\n");
    expect(writeCapabilityTables({ results: folder, pages: folder, check: true }).stale).toEqual([page]);
    expect(readFileSync(page, "utf8")).toContain("former table");
    expect(writeCapabilityTables({ results: folder, pages: folder }).stale).toEqual([page]);
    const written = readFileSync(page, "utf8");
    expect(written).toMatch(
      /^before\n<!-- capabilities:begin -->\n\n\| capability[\s\S]*<!-- capabilities:end -->\nafter\n$/,
    );
    expect(written).not.toContain("former table");
    expect(writeCapabilityTables({ results: folder, pages: folder, check: true })).toEqual({ stale: [], problems: [] });
  });

  const page = (...names: string[]) => {
    const runs = names.map((name) => run(name, "each"));
    const text = `<!-- capabilities:begin -->\n\n${capabilityTable(runs)}\n\n<!-- capabilities:end -->`;
    writeFileSync(join(folder, "some-broker.md"), text);
    return text;
  };
  const look = (cases?: number) =>
    writeCapabilityTables({ results: folder, pages: folder, ...(cases === undefined ? {} : { cases }) });

  it("leaves a page alone of whose runs one is missing: half a test run says nothing of the rest", () => {
    const before = page("one", "other");
    recordRun(run("one", "up to"), folder);
    expect(look()).toEqual({ stale: [], problems: [expect.stringContaining("no run of other was found")] });
    expect(readFileSync(join(folder, "some-broker.md"), "utf8")).toBe(before);
    recordRun(run("other", "each"), folder);
    expect(look()).toMatchObject({ stale: [expect.any(String)], problems: [] });
  });

  it("takes no run that failed, or that is of a suite with other cases", () => {
    page("one");
    recordRun(run("one", "each"), folder);
    expect(look(3)).toEqual({ stale: [], problems: [] });
    expect(look(4).problems).toEqual([expect.stringContaining("of a suite with 3 cases, and there are 4")]);
    recordRun({ ...run("one", "each"), cases: { passed: 2, skipped: 0, failed: 1 } }, folder);
    expect(look().problems).toEqual([expect.stringContaining("1 cases of one fail")]);
  });

  it("misses a run where a page has marks, and marks where a page has none", () => {
    writeFileSync(join(folder, "other.md"), "<!-- capabilities:begin -->\n<!-- capabilities:end -->");
    writeFileSync(join(folder, "plain.md"), "no table at all");
    expect(look().problems).toEqual([
      expect.stringMatching(/other\.md: no run of the suite/),
      expect.stringMatching(/plain\.md lacks the marks/),
    ]);
  });

  it("says which page or mark is missing", () => {
    recordRun(run("some broker", "each"), folder);
    expect(writeCapabilityTables({ results: folder, pages: folder }).problems[0]).toContain("does not exist");
    writeFileSync(join(folder, "some-broker.md"), "no marks");
    expect(writeCapabilityTables({ results: folder, pages: folder }).problems[0]).toContain("lacks the marks");
  });
});
