import { z } from "zod";
import { choice, count, durations, fact, text } from "../fields.ts";
import { physicalNames } from "./physical-names.ts";

export const storageQueue = z.strictObject({
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
  ...physicalNames,
});
