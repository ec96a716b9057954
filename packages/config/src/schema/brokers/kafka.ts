import { z } from "zod";
import { choice, count, durations, fact, text } from "../fields.ts";
import { physicalNames } from "./physical-names.ts";

const pem = (what: string) => text(`${what}, as PEM text. Take it from the environment.`).optional();

const sasl = z.strictObject({
  mechanism: choice(["plain", "scram-sha-256", "scram-sha-512", "oauthbearer"], "How to sign in.").unwrap(),
  username: text("For all but oauthbearer.").optional(),
  password: text("For all but oauthbearer. Take it from the environment.").optional(),
  token: z
    .unknown()
    .optional()
    .describe("For oauthbearer: a function that answers a token; only a .ts config can hold one."),
});

const tls = z.looseObject({
  ca: pem("Whom to trust, in place of the well-known authorities"),
  cert: pem("The client's certificate, which signs in"),
  key: pem("The key of the client's certificate"),
  passphrase: text("Of the key. Take it from the environment.").optional(),
});

export const kafka = z.strictObject({
  adapter: z.literal("kafka").describe("Apache Kafka, and what speaks its protocol."),
  brokers: z
    .union([text("host:port, several with commas."), z.array(text("host:port"))])
    .optional()
    .describe("host:port of some brokers of the cluster."),
  eventHubs: z
    .strictObject({ connectionString: text("Of the namespace. Take it from the environment.") })
    .optional()
    .describe("Azure Event Hubs through its Kafka endpoint, instead of brokers, ssl and sasl."),
  ssl: z.union([z.boolean(), tls]).optional().describe("TLS: true, or certificates. Default false."),
  sasl: sasl.optional().describe("Signs in."),
  clientId: text("What the brokers' logs and quotas call this client. Default waybill.").optional(),
  engine: choice(["kafkajs", "platformatic"], "The client library. Default kafkajs."),
  groups: z.record(z.string(), z.string()).optional().describe("Consumer groups set by hand, by orders/billing."),
  createTopics: fact("A missing topic is created when it is first used. Default true; false with eventHubs."),
  partitions: count(1, 100_000, "Of topics that are created. Default: the broker's."),
  replicationFactor: count(1, 32, "Of topics that are created. Default: the broker's."),
  compression: choice(["none", "gzip", "zstd"], "Of what is sent. Default none."),
  idempotent: fact("The broker drops what a retry within the client sends twice. Default true; false with eventHubs."),
  ...durations({
    sessionTimeout:
      "A member that the brokers have not heard of for so long loses its partitions, 1s to 30m. Default 30s.",
    rebalanceTimeout: "How long the members of a group may take to come together again. Default 1m.",
    heartbeatInterval: "Default a tenth of the session, 3s at most.",
    requestTimeout: "How long a broker may take to answer, 1s to 10m. Default 30s; 1m with eventHubs.",
    connectTimeout: "How long a connection and its sign-in may take, 100ms to 1m. Default 5s.",
  }),
  ...physicalNames,
});
