export { writeCapabilityTables } from "./capability-table.ts";
export type { ConformanceCase } from "./case.ts";
export { conformanceCases } from "./cases/index.ts";
export type { CapturedError, Harness, OpenEnvironment } from "./harness.ts";
export { type MeasuredCapabilities, type MeasuredName, type Measurement, measuredCapabilities } from "./measured.ts";
export { type AdapterUnderTest, type CaseResult, type CaseRun, runCase } from "./run-case.ts";
export { type ConformanceOptions, runConformance } from "./run-conformance.ts";
export type { EventParts, Line, Stage } from "./stage.ts";
export { manualTime, realTime, type Time } from "./time.ts";
