import type { Carrier, CarrierOptions } from "./carrier.ts";

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
