import { describe, expect, it } from "vitest";
import { FAULTS, type Fault } from "./broker/carrier.ts";
import { CARRIERS } from "./broker/carriers.ts";
import { runBrokerChaos } from "./broker/run.ts";

/**
 * What happens to each, once. All of it, with thousands of events, runs by `npx pnpm@12 chaos NAME`; here each carrier has what its own code has to answer for,
 * and what is the same for two of them is left to one.
 */
const FAULTS_OF: Readonly<Record<string, readonly Fault[]>> = {
  "storage-queue": ["kill", "half-open", "broker-restart", "graves-down"],
  "service-bus": ["kill", "half-open", "graves-down", "throttled"],
  "service-bus-sessions": ["kill", "cut", "broker-restart", "taken-away"],
  "event-hubs": ["kill", "half-open", "broker-restart", "taken-away", "graves-down", "throttled"],
  "event-grid": ["cut", "broker-restart", "taken-away", "throttled"],
  "event-grid-webhook": ["kill", "cut", "broker-restart", "graves-down", "throttled"],
  kafka: ["kill", "broker-restart", "taken-away"],
  "kafka-platformatic": ["kill", "cut", "half-open"],
};
const EVENTS = 240;

it("every carrier is here, and every kind of trouble", () => {
  expect(Object.keys(FAULTS_OF).sort()).toEqual(Object.keys(CARRIERS).sort());
  expect(new Set(Object.values(FAULTS_OF).flat())).toEqual(new Set(FAULTS));
});

describe.each(Object.entries(FAULTS_OF))("%s", (broker, only) => {
  it("loses nothing and keeps its promises while things happen to it", { timeout: 180_000 }, async () => {
    const said: string[] = [];
    const progress = (line: string) => void said.push(line);
    const result = await runBrokerChaos({ broker, events: EVENTS, seed: 1, faults: only.length, only, progress });
    const list = (lines: readonly string[]) => lines.map((line) => `\n- ${line}`).join("");
    expect(result.ok, `${broker}:${list(result.problems)}\nWhat happened:${list(said)}\n`).toBe(true);
    expect(result.published).toBe(EVENTS);
  });
});
