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
  /** How many the suite has: a run with another number is out of date. Default: not looked at. */
  readonly cases?: number;
  /** Change nothing. */
  readonly check?: boolean;
}

export interface CapabilityTableResult {
  /** Pages that were written, or with `check`, would have to be. */
  readonly stale: readonly string[];
  /** What stands in the way: a page, mark or run that is missing, a run that failed or is out of date. */
  readonly problems: readonly string[];
}

/**
 * Writes what the suite measured into the documentation, one column for each run of a page. A page whose runs are not all there, or are of another version of
 * the suite, or failed, is a problem and is left as it is: a part of a test run must not make it say less, or something old.
 */
export function writeCapabilityTables(options: CapabilityTableOptions): CapabilityTableResult {
  const stale: string[] = [];
  const problems: string[] = [];
  const measured = runsByPage(options.results);
  for (const page of new Set([...pagesIn(options.pages), ...measured.keys()])) {
    const file = join(options.pages, `${page}.md`);
    const runs = measured.get(page) ?? [];
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
    const wrong = problemsOf(before.slice(from, to), runs, options.cases).map((problem) => `${file}: ${problem}`);
    problems.push(...wrong);
    if (wrong.length > 0) continue;
    const after = `${before.slice(0, from + BEGIN.length)}\n\n${capabilityTable(runs)}\n\n${before.slice(to)}`;
    if (after === before) continue;
    stale.push(file);
    if (options.check !== true) writeFileSync(file, after);
  }
  return { stale, problems };
}

/** Every page of the folder should have a table. */
function pagesIn(folder: string): string[] {
  const files = existsSync(folder) ? readdirSync(folder).sort() : [];
  return files.filter((file) => file.endsWith(".md")).map((file) => file.slice(0, -".md".length));
}

function problemsOf(table: string, runs: readonly MeasuredCapabilities[], cases: number | undefined): string[] {
  const there = new Set(runs.map(({ name }) => name));
  const named = [...table.matchAll(/^(.+): \d+ cases hold,/gm)].map(([, name]) => name as string);
  const missing = named.filter((name) => !there.has(name));
  if (runs.length === 0 && named.length === 0) return ["no run of the suite was found for it."];
  return [
    ...missing.map((name) => `no run of ${name} was found; run its tests, or take its line out of the page.`),
    ...runs.flatMap(({ name, cases: { passed, skipped, failed } }) => {
      if (failed > 0) return [`${failed} cases of ${name} fail.`];
      const ran = passed + skipped;
      if (cases === undefined || ran === cases) return [];
      return [`the run of ${name} is of a suite with ${ran} cases, and there are ${cases}; run its tests again.`];
    }),
  ];
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
