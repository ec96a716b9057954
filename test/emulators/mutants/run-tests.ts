import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

export interface TestRun {
  /** Full names of tests that ran. */
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  /** Files that could not even be loaded. */
  readonly unloadable: readonly string[];
  /** False too where something failed outside of a test. */
  readonly isGreen: boolean;
}

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/** Runs tests of some files in a process of its own: those whose name contains one of `names`, or all. */
export async function runTests(
  folder: string,
  files: readonly string[],
  names: readonly string[],
  signal: AbortSignal,
): Promise<TestRun> {
  const output = join(folder, "node_modules/.mutants.json");
  rmSync(output, { force: true });
  const pattern = names.map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|");
  const child = spawn(
    process.execPath,
    [
      join(folder, "node_modules/vitest/vitest.mjs"),
      "run",
      ...files,
      ...(pattern === "" ? [] : ["--testNamePattern", pattern]),
      "--reporter=json",
      `--outputFile=${output}`,
    ],
    { cwd: folder, stdio: ["ignore", "ignore", "pipe"], signal },
  );
  let said = "";
  child.stderr.on("data", (text) => {
    said += text;
  });
  const [code] = await once(child, "close");
  let report: Report;
  try {
    report = JSON.parse(readFileSync(output, "utf8")) as Report;
  } catch (cause) {
    throw new Error(`vitest ended with ${code} and without a report: ${said}`, { cause });
  }
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  const named = (status: string) => tests.filter((test) => test.status === status).map(({ fullName }) => fullName);
  return {
    passed: named("passed"),
    failed: named("failed"),
    unloadable: report.testResults
      .filter(({ status, assertionResults }) => status === "failed" && assertionResults.length === 0)
      .map(({ name }) => name),
    isGreen: code === 0,
  };
}
