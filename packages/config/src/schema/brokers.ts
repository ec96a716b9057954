import { z } from "zod";
import { eventGrid } from "./brokers/event-grid.ts";
import { eventHubs } from "./brokers/event-hubs.ts";
import { kafka } from "./brokers/kafka.ts";
import { memory } from "./brokers/memory.ts";
import { serviceBus } from "./brokers/service-bus.ts";
import { storageQueue } from "./brokers/storage-queue.ts";
import { text } from "./fields.ts";

/**
 * The options of Waybill's own adapters, so that a typing slip in one is found before anything connects. An adapter that is not
 * here checks its options itself.
 */
export const brokerSchemas: Readonly<Record<string, z.ZodObject>> = {
  memory,
  "storage-queue": storageQueue,
  "event-grid": eventGrid,
  kafka,
  "event-hubs": eventHubs,
  "service-bus": serviceBus,
};

export type BrokerInput =
  | z.input<typeof memory>
  | z.input<typeof storageQueue>
  | z.input<typeof eventGrid>
  | z.input<typeof kafka>
  | z.input<typeof eventHubs>
  | z.input<typeof serviceBus>
  | ({ adapter: string & {} } & Record<string, unknown>);

/** Waybill's own adapters: the short names that may stand for a package. */
export const ADAPTERS = ["memory", "storage-queue", "service-bus", "event-hubs", "event-grid", "kafka"] as const;

const elsewhere = z.looseObject({
  adapter: text("A package name or a path that starts with ./, whose default export is the adapter's factory."),
});

/** Any broker, its options unchecked: what the loader validates first. */
export const anyBroker = elsewhere;

/** For the JSON Schema: the known ones strict, any other open. */
export const brokerForEditors = z.union([
  ...Object.values(brokerSchemas),
  z.looseObject({ adapter: z.enum(ADAPTERS.filter((adapter) => !(adapter in brokerSchemas))) }),
  z.looseObject({ adapter: z.string().regex(/[/]|^waybill-/) }),
]);
