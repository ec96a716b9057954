import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Presets, SingleBar } from "cli-progress";
import { LISTS } from "./mutants/lists.ts";
import { type Mutant, occurrences } from "./mutants/mutant.ts";
import { runTests } from "./mutants/run-tests.ts";
import { copyRepository } from "./mutants/working-copy.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SOURCES = "packages/emulators/src";
const USAGE = `Usage: npx pnpm@12 mutants [${Object.keys(LISTS).join("|")}] [--only TEXT] [--json]

Breaks each behaviour of the emulators once, in a copy of the repository, and sees its test fail.
--only takes the mutants whose behaviour, description, file or test contains the text.

Examples:
  npx pnpm@12 mutants
  npx pnpm@12 mutants service-bus --only "lock expiry"`;

interface Result extends Pick<Mutant, "behaviour" | "does" | "file" | "test"> {
  readonly emulator: string;
  /** "invalid": the mutant could not be made, or its test is not green without it. */
  readonly verdict: "killed" | "survived" | "invalid";
  readonly why?: string;
}

function usage(problem?: string): never {
  console.error(problem === undefined ? USAGE : `${problem}\n\n${USAGE}`);
  process.exit(problem === undefined ? 0 : 2);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: "string" }, json: { type: "boolean" }, help: { type: "boolean" } },
});
if (values.help) usage();
const [chosen] = positionals;
if (chosen !== undefined && !Object.hasOwn(LISTS, chosen)) usage(`There is no emulator ${JSON.stringify(chosen)}.`);
const only = values.only ?? "";
const mutants = Object.entries(LISTS)
  .filter(([emulator]) => chosen === undefined || emulator === chosen)
  .flatMap(([emulator, list]) => list.mutants.map((mutant) => ({ ...mutant, emulator })))
  .filter((mutant) => [mutant.behaviour, mutant.does, mutant.file, mutant.test].some((text) => text.includes(only)));
if (mutants.length === 0) usage("There is no such mutant.");

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => interrupted.abort());
const { folder, remove } = copyRepository(ROOT);
const bar = new SingleBar({ format: "{bar} {value}/{total} {does}", clearOnComplete: true }, Presets.shades_classic);
const isWatched = process.stderr.isTTY && !values.json;
const results: Result[] = [];
try {
  const green = await greenTests();
  if (isWatched) bar.start(mutants.length, 0, { does: "" });
  for (const mutant of mutants) {
    bar.update({ does: mutant.does });
    const { emulator, behaviour, does, file, test } = mutant;
    results.push({ emulator, behaviour, does, file, test, ...(await judge(mutant, green)) });
    bar.increment();
  }
} catch (error) {
  if (!interrupted.signal.aborted) throw error;
} finally {
  bar.stop();
  remove();
}
report();
if (interrupted.signal.aborted) process.exitCode = 130;

/** Full names of the tests that pass as long as nothing is broken, by file. */
async function greenTests(): Promise<ReadonlyMap<string, readonly string[]>> {
  const green = new Map<string, readonly string[]>();
  for (const file of new Set(mutants.map(({ test }) => test))) {
    const of = mutants.filter(({ test }) => test === file).map(({ name }) => name);
    const names = of.includes(undefined) ? [] : of.map((name) => name!);
    const { passed, isGreen } = await runTests(folder, [file], names, interrupted.signal);
    green.set(file, isGreen ? passed : []);
  }
  return green;
}

async function judge(
  { file, find, replace, test, name = "" }: Mutant,
  green: ReadonlyMap<string, readonly string[]>,
): Promise<Pick<Result, "verdict" | "why">> {
  const invalid = (why: string) => ({ verdict: "invalid", why }) as const;
  if (!green.get(test)!.some((full) => full.includes(name))) return invalid("its test is not green, or is not there");
  const path = join(folder, SOURCES, file);
  const text = readFileSync(path, "utf8");
  const count = occurrences(text, find);
  if (count !== 1) return invalid(`what it replaces occurs ${count} times`);
  try {
    writeFileSync(
      path,
      text.replace(find, () => replace),
    );
    const { isGreen, unloadable } = await runTests(folder, [test], name === "" ? [] : [name], interrupted.signal);
    if (unloadable.length > 0) return invalid("it cannot even be loaded");
    return { verdict: isGreen ? "survived" : "killed" };
  } finally {
    writeFileSync(path, text);
  }
}

function report(): void {
  const escaped = results.filter(({ verdict }) => verdict !== "killed");
  if (values.json) console.log(JSON.stringify({ mutants: results.length, escaped: escaped.length, results }));
  else {
    for (const { verdict, emulator, behaviour, does, why } of values.only === undefined ? escaped : results)
      console.log(
        `${verdict.toUpperCase()}  ${emulator}: ${behaviour}: ${does}${why === undefined ? "" : ` (${why})`}`,
      );
    console.log(`${results.length - escaped.length} of ${results.length} mutants killed`);
  }
  process.exitCode = escaped.length === 0 ? 0 : 1;
}
