import { fileURLToPath } from "node:url";
import {
  startAzurite,
  startEmulators,
  startEventGridEmulator,
  startKafka,
  startServiceBusEmulator,
} from "@waybill/emulators";
import type { RunningBroker } from "./dev-brokers.ts";
import { runInManyProcesses } from "./many-processes.ts";
import { runInOneProcess } from "./one-process.ts";
import type { Runner, RunnerOptions } from "./runner.ts";

/** What differs from broker to broker, and stands nowhere else but in the config files. */
interface BrokerSetup {
  readonly config: string;
  /** Rows, unless the command line says how many. */
  readonly events: number | undefined;
  /** Starts what the broker itself needs; answers the environment of the config file. */
  readonly start: () => Promise<RunningBroker>;
  readonly run: (options: RunnerOptions) => Promise<Runner>;
}

const setups: Readonly<Record<string, BrokerSetup>> = {
  memory: {
    config: "memory.yaml",
    events: undefined,
    start: async () => ({ env: {}, stop: async () => undefined }),
    run: runInOneProcess,
  },
  "storage-queue": {
    config: "storage-queue.yaml",
    events: 5_000,
    start: async () => {
      const azurite = await startAzurite();
      return { env: { FLIGHTS_STORAGE: azurite.connectionString }, stop: () => azurite.stop() };
    },
    run: runInManyProcesses,
  },
  "service-bus": {
    config: "service-bus.yaml",
    events: undefined,
    start: async () => {
      const emulator = await startServiceBusEmulator();
      return { env: { FLIGHTS_SERVICE_BUS: emulator.connectionString }, stop: () => emulator.close() };
    },
    run: runInManyProcesses,
  },
  "event-grid": {
    config: "event-grid.yaml",
    events: undefined,
    start: async () => {
      const subscription = { name: "totals", receiveLockDurationInSeconds: 5 };
      // The topic, what reaches its one subscription alone, and its dead letters.
      const topics = ["flights", "flights--totals", "flights--totals--dead"].map((name) => ({
        name,
        subscriptions: [subscription],
      }));
      const emulator = await startEventGridEmulator({ namespaces: [{ name: "airports", topics }] });
      const env = { FLIGHTS_EVENT_GRID_ENDPOINT: emulator.endpoint, FLIGHTS_EVENT_GRID_KEY: emulator.key };
      return { env, stop: () => emulator.close() };
    },
    run: runInManyProcesses,
  },
  kafka: {
    config: "kafka.yaml",
    events: undefined,
    start: async () => {
      const kafka = await startKafka();
      return { env: { FLIGHTS_KAFKA: kafka.brokers.join(",") }, stop: () => kafka.stop() };
    },
    run: runInManyProcesses,
  },
  "event-hubs": {
    config: "event-hubs.yaml",
    events: undefined,
    start: async () => {
      // The topic with its one consumer group, what reaches that subscription alone, and its dead letters.
      const hubs = {
        flights: { partitionCount: 4, consumerGroups: ["totals"] },
        "flights.totals": { partitionCount: 1 },
        "flights.totals.dead": { partitionCount: 1 },
      };
      const { eventHubs, storage, close } = await startEmulators({
        only: ["event-hubs", "storage"],
        eventHubs: { hubs },
      });
      const env = {
        FLIGHTS_EVENT_HUBS: eventHubs?.connectionString ?? "",
        FLIGHTS_STORAGE: storage?.connectionString ?? "",
      };
      return { env, stop: close };
    },
    run: runInManyProcesses,
  },
};

export const brokerNames: readonly string[] = Object.keys(setups);

export function brokerSetup(name: string): BrokerSetup & { configFile: string } {
  const setup = setups[name];
  if (setup === undefined) throw new RangeError(`There is no broker ${name}.`);
  return { ...setup, configFile: fileURLToPath(new URL(`../../config/${setup.config}`, import.meta.url)) };
}
