import { z } from "zod";
import { choice, count, durations, fact, text } from "../fields.ts";
import { physicalNames } from "./physical-names.ts";

const checkpoints = z
  .union([
    z.strictObject({
      connectionString: text("Of a storage account, with its key or a SAS. Take it from the environment."),
      container: text("A blob container. Default waybill-checkpoints.").optional(),
    }),
    z.strictObject({
      containerUrl: text("https://ACCOUNT.blob.core.windows.net/CONTAINER, with a SAS or with credential."),
      credential: z.unknown().optional().describe("Signs in at containerUrl; only a .ts config can hold one."),
    }),
    z.strictObject({ store: z.unknown().describe("Any CheckpointStore; only a .ts config can hold one.") }),
  ])
  .optional()
  .describe("Where positions are kept and partitions shared out. Needed to subscribe.");

export const eventHubs = z.strictObject({
  adapter: z.literal("event-hubs").describe("Azure Event Hubs."),
  connectionString: text("Of the namespace, with a key or a SAS. Take it from the environment.").optional(),
  fullyQualifiedNamespace: text("NAME.servicebus.windows.net, together with credential.").optional(),
  credential: z.unknown().optional().describe("Signs in at that namespace; only a .ts config can hold one."),
  checkpoints,
  createContainer: fact("A missing blob container is created when it is first used. Default true."),
  consumerGroups: z
    .record(z.string(), z.string())
    .optional()
    .describe("Consumer groups set by hand, by topic/subscription. Default: the subscription's name."),
  retryHubs: fact("Each subscription has a hub of its own, where redriven events go. Default false."),
  attributePrefix: choice(
    ["cloudEvents_", "cloudEvents:"],
    "Of the CloudEvents attributes as they are written. Default cloudEvents_.",
  ),
  partitioner: choice(
    ["client", "service"],
    "Who hashes keys to partitions: the adapter, in one batch a partition, or the service, in one a key. Default client.",
  ),
  partitionBatch: count(1, 1_000, "Events handed over at a time for each partition, and read ahead. Default 100."),
  strategy: choice(["greedy", "balanced"], "Takes all free partitions at once, or one a round. Default greedy."),
  ...durations({
    updateInterval: "How often partitions are shared out anew, 100ms to 1m. Default 10s.",
    ownership: "A consumer that has not renewed for so long is dead, 1s to 10m. Default 1m.",
    requestTimeout: "How long the service may take to answer one call, 100ms to 10m. Default 30s.",
  }),
  webSocket: z.union([z.boolean(), z.unknown()]).optional().describe("AMQP over WebSocket, port 443. Default false."),
  client: z.record(z.string(), z.unknown()).optional().describe("Options of the SDK's clients."),
  management: z
    .unknown()
    .optional()
    .describe("Creates entities for `waybill topology`; only a .ts config can hold one."),
  ...physicalNames,
});
