import { afterAll, describe, it } from "vitest";
import type { ConformanceCase } from "./case.ts";
import { conformanceCases } from "./cases/index.ts";
import type { Harness } from "./harness.ts";
import { type MeasuredName, type Measurement, recordRun } from "./measured.ts";
import { type AdapterUnderTest, checkDeviations, judge, runCase } from "./run-case.ts";

export interface ConformanceOptions<H extends Harness = Harness> extends AdapterUnderTest<H> {
  /** Of this run: adapter and tier. `measuredCapabilities` and the result file go by it. */
  readonly name: string;
  /** Cases that do not hold, by name, each with its reason. Such a case must fail; one that passes, or a name that no case has, is an error. */
  readonly deviations?: Readonly<Record<string, string>>;
  /** Cases side by side: for real brokers, whose cases mostly wait. Default false. */
  readonly concurrent?: boolean;
  /** For one case, in milliseconds. Default 60 000. */
  readonly timeoutMs?: number;
  /** Where the measured capabilities are written as JSON, from which `writeCapabilityTables` makes the tables of the documentation. */
  readonly resultsDirectory?: string | undefined;
  /** The page that its table stands on. Default: `Adapter.name`. */
  readonly page?: string | undefined;
}

/** Declares the whole suite as vitest tests for one adapter. Call it at the top level of a test file. */
export function runConformance<H extends Harness>(options: ConformanceOptions<H>): void {
  const { name, deviations = {}, concurrent = false, timeoutMs = 60_000, resultsDirectory } = options;
  checkDeviations(deviations, conformanceCases);
  const seen = new Map<MeasuredName, { values: Set<string>; cases: Set<string> }>();
  const cases = { passed: 0, skipped: 0, failed: 0 };
  let adapter: string | undefined;

  const test = async (one: ConformanceCase, skip: (note: string) => never) => {
    const run = await runCase(one, options);
    adapter ??= run.adapterName;
    const result = judge(one.name, run.result, deviations[one.name]);
    cases[result.status]++;
    for (const [capability, value] of run.measured) {
      const entry = seen.get(capability) ?? { values: new Set(), cases: new Set() };
      entry.values.add(value);
      entry.cases.add(one.name);
      seen.set(capability, entry);
    }
    if (result.status === "failed") throw result.error;
    if (result.status === "skipped") skip(result.reason);
  };

  describe(`conformance of ${name}`, { concurrent, timeout: timeoutMs }, () => {
    for (const one of conformanceCases) it(one.name, (context) => test(one, (note) => context.skip(note)));

    afterAll(() => {
      // A run of a few chosen cases must not overwrite what a whole one measured.
      if (cases.passed + cases.skipped + cases.failed < conformanceCases.length || adapter === undefined) return;
      const capabilities: Partial<Record<MeasuredName, Measurement>> = {};
      for (const [capability, { values, cases: proof }] of seen) {
        capabilities[capability] = { value: [...values].sort().join("; "), cases: [...proof].sort() };
      }
      recordRun({ name, page: options.page ?? adapter, capabilities, cases, deviations }, resultsDirectory);
    });
  });
}
