import type { Adapter } from "@waybill/core/spi";
import type { ConformanceCase } from "./case.ts";
import type { Harness, OpenEnvironment } from "./harness.ts";
import type { MeasuredName } from "./measured.ts";
import { Skipped } from "./skipped.ts";
import { Stage } from "./stage.ts";

export interface AdapterUnderTest<H extends Harness = Harness> {
  /** Opens a fresh instance ("a process") onto the broker of this case. */
  readonly open: (environment: OpenEnvironment<H>) => Adapter | Promise<Adapter>;
  /** Makes what a case needs beside the SPI; called for each case. */
  readonly harness: () => H | Promise<H>;
}

export type CaseResult =
  | { readonly status: "passed" }
  | { readonly status: "skipped"; readonly reason: string }
  | { readonly status: "failed"; readonly error: unknown };

export interface CaseRun {
  readonly result: CaseResult;
  readonly adapterName: string | undefined;
  readonly measured: ReadonlyMap<MeasuredName, string>;
}

/** Runs one case on a fresh harness. Never rejects for what the adapter does. */
export async function runCase<H extends Harness>(one: ConformanceCase, under: AdapterUnderTest<H>): Promise<CaseRun> {
  const harness = await under.harness();
  const stage = new Stage(harness, under.open as (environment: OpenEnvironment) => Adapter | Promise<Adapter>);
  let result: CaseResult = { status: "passed" };
  try {
    await one.run(stage);
  } catch (error) {
    result = error instanceof Skipped ? { status: "skipped", reason: error.message } : { status: "failed", error };
  } finally {
    await stage.end();
  }
  const measured = result.status === "passed" ? stage.measured : new Map<MeasuredName, string>();
  return { result, adapterName: stage.adapterName, measured };
}

/**
 * What a result means under a deviation: a case that is declared not to hold must fail. One that passes, or does not apply, makes the
 * declaration stale, which is a failure.
 */
export function judge(name: string, result: CaseResult, deviation: string | undefined): CaseResult {
  if (deviation === undefined) return result;
  if (result.status === "failed") return { status: "skipped", reason: `deviates: ${deviation}` };
  const seen = result.status === "passed" ? "passes" : `does not apply (${result.reason})`;
  return {
    status: "failed",
    error: new Error(`The deviation ${JSON.stringify(name)} is stale, for the case ${seen}. Take it out.`),
  };
}

/** Throws for a deviation that names no case, or gives no reason. */
export function checkDeviations(deviations: Readonly<Record<string, string>>, cases: readonly ConformanceCase[]): void {
  const known = new Set(cases.map(({ name }) => name));
  for (const [name, reason] of Object.entries(deviations)) {
    if (!known.has(name)) throw new Error(`The deviation ${JSON.stringify(name)} names no case of the suite.`);
    if (reason.trim() === "") throw new Error(`The deviation ${JSON.stringify(name)} needs a reason.`);
  }
}
