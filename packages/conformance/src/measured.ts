import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What the suite tells of an adapter: in this order in every table. */
export const MEASURED = [
  "settle",
  "order",
  "lease",
  "release",
  "keepsAttempt",
  "deliveryCount",
  "reject",
  "deadLetters",
  "returnTo",
  "maxReceiveBatch",
  "startFrom latest",
  "backlog",
  "fanOut",
  "schedule",
  "headers",
  "body",
  "dedupe",
  "overlap",
  "stopsKeys",
  "maxSendBatch",
  "maxSendBatchBytes",
  "maxMessageBytes",
  "guaranteed order",
  "later retries",
  "dead-lettering",
] as const;

export type MeasuredName = (typeof MEASURED)[number];

/** One row: what a case saw, not what the adapter says of itself. */
export interface Measurement {
  readonly value: string;
  /** The cases that saw it. */
  readonly cases: readonly string[];
}

export interface MeasuredCapabilities {
  /** Of the run. */
  readonly name: string;
  /** The page of the documentation that its column stands on. */
  readonly page: string;
  readonly capabilities: Partial<Readonly<Record<MeasuredName, Measurement>>>;
  readonly cases: { readonly passed: number; readonly skipped: number; readonly failed: number };
  readonly deviations: Readonly<Record<string, string>>;
}

const runs = new Map<string, MeasuredCapabilities>();

/** What the run of this name measured; undefined before it has ended. */
export function measuredCapabilities(name: string): MeasuredCapabilities | undefined {
  return runs.get(name);
}

/** Keeps a finished run and, with `directory`, writes it there as `<name>.json`. The same run writes the same bytes. */
export function recordRun(run: MeasuredCapabilities, directory: string | undefined): void {
  runs.set(run.name, run);
  if (directory === undefined) return;
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${run.name.replace(/[^a-z0-9]+/gi, "-")}.json`), `${JSON.stringify(run, null, 2)}\n`);
}
