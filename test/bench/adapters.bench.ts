import type { BrokerEntry } from "./adapters/broker-bench.ts";
import { measureBroker } from "./adapters/measure.ts";
import type { BenchOptions, Result } from "./result.ts";

/** Each is loaded when its turn comes. */
const BROKERS: Readonly<Record<string, () => Promise<BrokerEntry>>> = {
  kafka: async () => (await import("./adapters/kafka.ts")).kafkaBench,
  "service-bus": async () => (await import("./adapters/service-bus.ts")).serviceBusBench,
  "event-hubs": async () => (await import("./adapters/event-hubs.ts")).eventHubsBench,
  "event-grid": async () => (await import("./adapters/event-grid.ts")).eventGridBench,
  "storage-queue": async () => (await import("./adapters/storage-queue.ts")).storageQueueBench,
};

/** Every broker against its raw SDK doing the same work; with names behind `adapters`, these brokers. */
export async function run(options: BenchOptions): Promise<Result[]> {
  const results: Result[] = [];
  const unknown = options.only.find((name) => !Object.hasOwn(BROKERS, name));
  if (unknown !== undefined)
    throw new RangeError(`There is no broker ${unknown}, only ${Object.keys(BROKERS).join(", ")}.`);
  const chosen = options.only.length === 0 ? Object.keys(BROKERS) : options.only;
  for (const load of chosen.map((name) => BROKERS[name]!))
    results.push(...(await measureBroker(await load(), options)));
  return results;
}
