import type { WaybillConfig } from "@waybill/config";

type Brokers = NonNullable<WaybillConfig["brokers"]>;

/** Troubles that a run brings about. `kill` needs nothing of the broker. */
export const FAULTS = ["kill", "cut", "half-open", "broker-restart", "taken-away", "graves-down", "throttled"] as const;
export type Fault = (typeof FAULTS)[number];

/** Consumer processes at work. */
export const CONSUMERS = 3;

/** A started broker, behind proxies. */
export interface Carrier {
  /** Two entries of the config file: `main` carries the workload, `graves` what subscription `b` gives up, each through its own proxy. */
  readonly brokers: { readonly main: Brokers[string]; readonly graves: Brokers[string] };
  /** Order per key is promised. */
  readonly ordered: boolean;
  /** Nothing reaches a subscription alone here, and so nothing can be redriven: what `a` gives up stays in graves of its own. */
  readonly keepsGraves?: boolean;
  /** Of a broker that pushes: where each consumer takes events, one port for each. */
  readonly doors?: readonly number[];
  /** Each resolves when the trouble is over and the broker would work again. Those that this broker cannot have are absent. */
  readonly faults: Partial<Record<Exclude<Fault, "kill">, (random: () => number) => Promise<void>>>;
  stop(): Promise<void>;
}

export interface CarrierOptions {
  /** For data that outlives the broker's process. */
  readonly folder: string;
}

interface CarrierEntry {
  /** By default; Azurite slows down with the length of a queue. */
  readonly events: number;
  readonly start: (options: CarrierOptions) => Promise<Carrier>;
}

/** By the name of the chaos case. Each is loaded when it is asked for, so that one needs only its own broker's SDK. */
export const CARRIERS: Readonly<Record<string, CarrierEntry>> = {
  "storage-queue": {
    events: 5_000,
    start: async (options) => (await import("./carriers/storage-queue.ts")).startStorageQueue(options),
  },
  "service-bus": {
    events: 50_000,
    start: async (options) => (await import("./carriers/service-bus.ts")).startServiceBus(options, "none"),
  },
  "service-bus-sessions": {
    events: 50_000,
    start: async (options) => (await import("./carriers/service-bus.ts")).startServiceBus(options, "buckets"),
  },
  "event-hubs": {
    events: 50_000,
    start: async (options) => (await import("./carriers/event-hubs.ts")).startEventHubs(options),
  },
  "event-grid": {
    events: 50_000,
    start: async (options) => (await import("./carriers/event-grid.ts")).startEventGrid(options),
  },
  "event-grid-webhook": {
    events: 50_000,
    start: async (options) => (await import("./carriers/event-grid-webhook.ts")).startEventGridWebhook(options),
  },
  kafka: {
    events: 50_000,
    start: async (options) => (await import("./carriers/kafka.ts")).startKafkaCarrier(options, "kafkajs"),
  },
  "kafka-platformatic": {
    events: 50_000,
    start: async (options) => (await import("./carriers/kafka.ts")).startKafkaCarrier(options, "platformatic"),
  },
};
