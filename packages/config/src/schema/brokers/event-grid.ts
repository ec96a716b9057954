import { z } from "zod";
import { choice, durations, text } from "../fields.ts";
import { physicalNames } from "./physical-names.ts";

const access = {
  endpoint: text("As the portal shows it: https://NAME.REGION-1.eventgrid.azure.net").optional(),
  key: text("One of the resource's two access keys. Take it from the environment.").optional(),
  sas: text("A shared access signature, r=…&e=…&s=…. Take it from the environment.").optional(),
  credential: z.unknown().optional().describe("Signs in at endpoint; only a .ts config can hold one."),
};

export const eventGrid = z.strictObject({
  adapter: z.literal("event-grid").describe("Azure Event Grid."),
  kind: choice(["namespace", "custom", "domain"], "What stands at endpoint, or custom topics. Default namespace."),
  ...access,
  topics: z
    .record(z.string(), z.strictObject(access))
    .optional()
    .describe("Of kind custom: each topic's endpoint and sign-in, by logical name."),
  ...durations({
    lock: "How long a received event is locked: no longer than the event subscription says, 1s to 5m. Default 1m.",
    maxWait: "How long the service waits with its answer while there is nothing, 10s to 2m. Default 1m.",
    requestTimeout: "How long the service may take to answer one call, besides that wait, 100ms to 10m. Default 30s.",
  }),
  deadLettered: z
    .array(z.string())
    .optional()
    .describe("topic/subscription of those whose event subscription has a dead-letter destination."),
  management: z
    .unknown()
    .optional()
    .describe("Creates entities for `waybill topology`; only a .ts config can hold one."),
  client: z.record(z.string(), z.unknown()).optional().describe("Options of the HTTP pipeline."),
  ...physicalNames,
});
