import { z } from "zod";
import { choice, count, durations, fact, name, text } from "./fields.ts";

const common = {
  prefix: name.optional().describe("Instead of the file's prefix, for this broker."),
  names: z
    .record(z.string(), z.string())
    .optional()
    .describe("Physical names set by hand, by logical name: orders, orders/billing, orders/billing/dead."),
};

const LIKE = [
  "memory",
  "storage-queue",
  "service-bus",
  "service-bus-sessions",
  "event-grid",
  "event-grid-webhook",
  "event-hubs",
  "kafka",
] as const;

const memory = z.strictObject({
  adapter: z.literal("memory").describe("In this process only, for tests and first steps."),
  like: choice(LIKE, "The broker to behave like. Default memory."),
  partitions: count(1, 10_000, "Partitions of a topic, or session buckets of a queue. Default 4, and 8 sessions."),
  retain: count(0, 1_000_000_000, "Messages of a partition that stay after every subscription has them. Default 0."),
  ...durations({ lease: "Length of a lease. Default: the broker's own that it is like." }),
  limits: z.record(z.string(), z.unknown()).optional().describe("Figures that differ by tier: maxMessageBytes, …"),
  ...common,
});

const storageQueue = z.strictObject({
  adapter: z.literal("storage-queue").describe("Azure Storage Queues."),
  connectionString: text("Of the account, with its key or a SAS. Take it from the environment.").optional(),
  endpoint: text("https://ACCOUNT.queue.core.windows.net, together with credential.").optional(),
  credential: z.unknown().optional().describe("Signs in at endpoint; only a .ts config can hold one."),
  sasUrl: text("The queue endpoint with an account SAS. Take it from the environment.").optional(),
  encoding: choice(["base64", "text"], "How the body stands in a queue message. Default base64."),
  ...durations({
    visibility: "How long a received message is hidden from others, 1s to 7d. Default 30s.",
    maxPoll: "An idle queue is asked at least this often, 100ms to 1m. Default 2s.",
    requestTimeout: "How long the service may take to answer one call, 100ms to 10m. Default 30s.",
    messageTtl: "How long a message is kept at most. Default: for ever.",
  }),
  messageTtlMs: z
    .number({ error: "must be a number of milliseconds, or -1 for ever" })
    .min(-1, { error: "must be a number of milliseconds, or -1 for ever" })
    .optional()
    .describe("How long a message is kept at most, in milliseconds; -1, the default, for ever."),
  createQueues: fact("A missing queue is created when it is first used. Default true."),
  sendConcurrency: count(1, 256, "Messages on the wire at a time, for each sender. Default 16."),
  settleConcurrency: count(1, 256, "Acks, releases and renewals on the wire at a time. Default 16."),
  client: z.record(z.string(), z.unknown()).optional().describe("Options of the SDK's HTTP pipeline."),
  ...common,
});

/**
 * The options of Waybill's own adapters, so that a typing slip in one is found before anything connects. An adapter that is not
 * here checks its options itself.
 */
export const brokerSchemas: Readonly<Record<string, z.ZodObject>> = { memory, "storage-queue": storageQueue };

export type BrokerInput =
  | z.input<typeof memory>
  | z.input<typeof storageQueue>
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
