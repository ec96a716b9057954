import { z } from "zod";
import { choice, count, durations, fact, text } from "../fields.ts";
import { physicalNames } from "./physical-names.ts";

const access = {
  endpoint: text("As the portal shows it: https://NAME.REGION-1.eventgrid.azure.net").optional(),
  key: text("One of the resource's two access keys. Take it from the environment.").optional(),
  sas: text("A shared access signature, r=…&e=…&s=…. Take it from the environment.").optional(),
  credential: z.unknown().optional().describe("Signs in at endpoint; only a .ts config can hold one."),
};

const list = (description: string) => z.array(z.string()).optional().describe(description);

const secret = (where: string) =>
  z
    .strictObject({
      name: text("Its name there."),
      secrets: z
        .array(z.string())
        .describe("Those that are good; two while one replaces the other. Take them from the environment."),
    })
    .optional()
    .describe(where);

/** What may send to the webhooks, and how long it waits. */
const webhook = z.strictObject({
  header: secret("A secret in a header: a delivery property of the event subscription."),
  query: secret("A secret in a parameter of the endpoint's address."),
  entra: z
    .strictObject({
      tenantId: text("The directory of the webhook's app registration."),
      audience: z
        .union([z.string(), z.array(z.string())])
        .describe("The app registration: its application id, or id URI."),
      appIds: list("Application ids that tokens may be of. Default Event Grid's in the public cloud."),
      role: text("An app role that the token must have. Default none.").optional(),
      issuers: list("Issuers of tokens. Default the tenant's."),
      jwks: z.unknown().optional().describe("Where the signing keys are, or the keys. Default the tenant's."),
    })
    .optional()
    .describe("The token that Event Grid gets from Entra ID."),
  verify: z.unknown().optional().describe("Your own look at the token; only a .ts config can hold one."),
  anonymous: fact("Takes what anybody sends. Default false."),
  origins: list("Senders that may ask for permission. Default eventgrid.azure.net."),
  ratePerMinute: count(1, 1_000_000, "Requests a minute that are agreed to. Default any."),
  maxBodyBytes: count(1_024, 16_777_216, "Of one request. Default 2097152."),
  ...durations({ patience: "How long a request waits for its events to be done with, 100ms to 29s. Default 25s." }),
});

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
  maxDeliveryCount: count(1, 10, "The event subscription's own. Default 10."),
  deadLettered: list("topic/subscription of those whose event subscription has a dead-letter destination."),
  webhook: webhook.optional().describe("Who may send to the webhooks. Needed where anything is pushed."),
  pushed: list("topic/subscription of those of a namespace that push instead of waiting to be pulled."),
  management: z
    .unknown()
    .optional()
    .describe("Creates entities for `waybill topology`; only a .ts config can hold one."),
  client: z.record(z.string(), z.unknown()).optional().describe("Options of the HTTP pipeline."),
  ...physicalNames,
});
