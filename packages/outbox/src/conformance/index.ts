import { inboxCases } from "./inbox-cases.ts";
import { outboxCases } from "./outbox-cases.ts";
import { relayCases } from "./relay-cases.ts";
import type { StoreConformanceOptions } from "./store-place.ts";

export { eventually, Recorder } from "./recorder.ts";
export type { StoreConformanceOptions, StorePlace } from "./store-place.ts";

/** What every store must do, as vitest cases: call it at the top of a test file. */
export function runStoreConformance<Tx>(options: StoreConformanceOptions<Tx>): void {
  outboxCases(options);
  relayCases(options);
  inboxCases(options);
}
