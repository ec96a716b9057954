import { z } from "zod";
import { choice, count, durations, fact, name, text } from "../fields.ts";
import { physicalNames } from "./physical-names.ts";

export const serviceBus = z.strictObject({
  adapter: z.literal("service-bus").describe("Azure Service Bus."),
  connectionString: text("Of the namespace, with its key or a SAS. Take it from the environment.").optional(),
  namespace: text("NAME.servicebus.windows.net, together with credential.").optional(),
  credential: z.unknown().optional().describe("Signs in at namespace; only a .ts config can hold one."),
  webSocket: z
    .union([z.boolean(), z.record(z.string(), z.unknown())], { error: "must be true, false or the SDK's options" })
    .optional()
    .describe("AMQP over WebSocket, port 443: true, or the SDK's webSocketOptions (only a .ts config can hold those)."),
  customEndpoint: text("Where to connect instead of the namespace's own address.").optional(),
  administrationEndpoint: text("Where the administration API answers, if not at https://NAMESPACE.").optional(),
  queues: z.array(name).optional().describe("Topics that are plain queues: one subscription reads each."),
  ownQueues: fact("Each subscription forwards to a queue of its own, which is read. Default true."),
  sessions: choice(
    ["none", "buckets", "key"],
    "The session of an event, and so its lane: none, a hash bucket of its key, or the key itself. Default none.",
  ),
  buckets: count(1, 1_000, "Hash buckets of keys. All processes must agree. Default 16."),
  maxSessions: count(1, 1_000, "Sessions that one receiver holds at a time. Default 16."),
  ...durations({
    sessionIdle:
      "A session without messages is given up after so long, or a tenth of it where all places are taken. Default 1s.",
    sessionHold: "A busy session is given up after so long, so that others get their turn. Default 30s.",
    lock: "Lock duration of the entities, 1s to 5m. Default 1m.",
    duplicateDetection: "A second event of one source and id is dropped within so long, 20s to 7d. Default: none is.",
    requestTimeout: "How long the service may take to answer one call, 100ms to 10m. Default 20s.",
    probe: "A receiver that got nothing for so long asks whether its connection is alive. Default 30s.",
  }),
  prefetch: count(1, 1_000, "Messages on their way to a receiver, with sessions of each session. Default 32."),
  attributePrefix: choice(
    ["cloudEvents_", "cloudEvents:"],
    "Prefix of CloudEvents attributes that are written; both are read. Default cloudEvents_.",
  ),
  ...physicalNames,
});
