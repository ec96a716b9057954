import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MEASURED, type MeasuredCapabilities } from "./measured.ts";

const BEGIN = "<!-- capabilities:begin -->";
const END = "<!-- capabilities:end -->";

export interface CapabilityTableOptions {
  /** Where runs wrote their results (`resultsDirectory`). */
  readonly results: string;
  /** Where the pages are: `<page>.md`, each with the two marks. */
  readonly pages: string;
  /** Change nothing. */
  readonly check?: boolean;
}

export interface CapabilityTableResult {
  /** Pages that were written, or with `check`, would have to be. */
  readonly stale: readonly string[];
  /** What stands in the way: a missing page or mark. */
  readonly problems: readonly string[];
}

/** Writes what the suite measured into the documentation, one column for each run of a page. */
export function writeCapabilityTables(options: CapabilityTableOptions): CapabilityTableResult {
  const stale: string[] = [];
  const problems: string[] = [];
  for (const [page, runs] of runsByPage(options.results)) {
    const file = join(options.pages, `${page}.md`);
    if (!existsSync(file)) {
      problems.push(`${file} does not exist, and ${runs.map(({ name }) => name).join(", ")} should stand on it.`);
      continue;
    }
    const before = readFileSync(file, "utf8");
    const from = before.indexOf(BEGIN);
    const to = before.indexOf(END);
    if (from < 0 || to < from) {
      problems.push(`${file} lacks the marks ${BEGIN} and ${END}.`);
      continue;
    }
    const after = `${before.slice(0, from + BEGIN.length)}\n\n${capabilityTable(runs)}\n\n${before.slice(to)}`;
    if (after === before) continue;
    stale.push(file);
    if (options.check !== true) writeFileSync(file, after);
  }
  return { stale, problems };
}

function runsByPage(results: string): Map<string, MeasuredCapabilities[]> {
  const pages = new Map<string, MeasuredCapabilities[]>();
  if (!existsSync(results)) return pages;
  for (const file of readdirSync(results).sort()) {
    if (!file.endsWith(".json")) continue;
    const run = JSON.parse(readFileSync(join(results, file), "utf8")) as MeasuredCapabilities;
    pages.set(run.page, [...(pages.get(run.page) ?? []), run]);
  }
  return pages;
}

/** The table of one page in Markdown. What no case saw is a dash, never what the adapter says of itself. */
export function capabilityTable(runs: readonly MeasuredCapabilities[]): string {
  const only = runs.length === 1 ? runs[0] : undefined;
  const head = ["capability", ...(only === undefined ? runs.map(({ name }) => name) : ["measured", "proven by"])];
  const rows = MEASURED.filter((capability) =>
    runs.some(({ capabilities }) => capabilities[capability] !== undefined),
  ).map((capability) => [
    capability,
    ...runs.map(({ capabilities }) => capabilities[capability]?.value ?? "–"),
    ...(only === undefined ? [] : [only.capabilities[capability]!.cases.map((name) => `\`${name}\``).join("<br>")]),
  ]);
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const notes = runs.flatMap(({ name, cases, deviations }) => [
    `${name}: ${cases.passed} cases hold, ${cases.skipped} do not apply${cases.failed > 0 ? `, ${cases.failed} FAIL` : ""}.`,
    ...Object.entries(deviations).map(([deviation, reason]) => `- Deviates in \`${deviation}\`: ${reason}`),
  ]);
  return [line(head), line(head.map(() => "---")), ...rows.map(line), "", ...notes].join("\n");
}
