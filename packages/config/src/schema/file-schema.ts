import { z } from "zod";
import { anyBroker, type BrokerInput, brokerForEditors } from "./brokers.ts";
import { choice, name, text } from "./fields.ts";
import { claimCheck, relay, subscription } from "./sections.ts";
import { inbox, outbox } from "./stores.ts";

const topicName = z.string().regex(/^([a-z0-9]+(-[a-z0-9]+)*|[a-z0-9-]*\*)$/, {
  error: "must be lower-case letters and digits in groups joined by single hyphens, or the beginning of names and a *",
});

const scalars = {
  source: text("The CloudEvents source of what this service publishes, such as /orders."),
  prefix: name.optional().describe("Environment prefix of all physical names, so that dev and test share a namespace."),
  topology: choice(
    ["leave", "verify", "apply"],
    "What openBus does about entities that a broker lacks: nothing (default), refuse to start, or make them.",
  ),
};
const stores = {
  outbox: outbox.optional().describe("Events written in the transaction of the business data."),
  inbox: inbox.optional().describe("Record of the events already processed."),
  relay: relay.optional().describe("How `waybill relay` and openRelay work."),
  claimCheck: claimCheck.optional().describe("Data of events above the broker's limit. Default: they are refused."),
};

/** After short forms are written out: what the loader validates. Each broker's own options come in a second step. */
export const fullSchema = z.strictObject({
  ...scalars,
  brokers: z.record(name, anyBroker),
  topics: z
    .record(
      topicName,
      z.strictObject({ broker: name.optional(), subscriptions: z.record(name, subscription).optional() }),
    )
    .optional(),
  ...stores,
});

/** The file as people write it, short forms included: source of the published JSON Schema. */
export const fileSchema = z
  .strictObject({
    $schema: z.string().optional().describe("Where the schema of this file is, for editors."),
    ...scalars,
    broker: z
      .union([z.string(), brokerForEditors])
      .optional()
      .describe("The only broker, by the name main: an adapter, or its options."),
    brokers: z.record(name, brokerForEditors).optional().describe("Brokers by a name of your choice."),
    topics: z
      .record(
        topicName,
        z.strictObject({
          broker: name.optional().describe("Which broker carries it. Not needed when there is only one."),
          subscriptions: z
            .union([z.array(name), z.record(name, subscription)])
            .optional()
            .describe("All subscriptions of the topic; as a map, with settings."),
        }),
      )
      .optional()
      .describe("Topics, or patterns such as audit-*."),
    ...stores,
  })
  .describe("Waybill configuration");

/** What `defineConfig` and a config file take. */
export type WaybillConfig = Omit<z.input<typeof fileSchema>, "broker" | "brokers"> & {
  broker?: string | BrokerInput | undefined;
  brokers?: Record<string, BrokerInput> | undefined;
};
