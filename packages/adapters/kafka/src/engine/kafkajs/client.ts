import kafkajs, { type Kafka, type KafkaConfig, type RetryOptions, type SASLOptions } from "kafkajs";
import type { Settings } from "../../options.ts";
import { stopIdleTimer } from "./idle-timer.ts";
import { leaveRecords } from "./leave-records.ts";
import { oauthMechanism } from "./oauth-mechanism.ts";

/**
 * Core retries. These few quick ones are for what passes within the client: a leader that moved, metadata that is old. They are written out
 * in full, because kafkajs has others where NODE_ENV is "test".
 */
export const RETRY: Required<Omit<RetryOptions, "restartOnFailure">> = {
  initialRetryTime: 100,
  maxRetryTime: 1_000,
  multiplier: 2,
  factor: 0.2,
  retries: 3,
};

/** After this long a client asks again which partitions there are and who leads them. */
export const METADATA_MAX_AGE_MS = 60_000;

export function createClient(settings: Settings): Kafka {
  stopIdleTimer();
  const config: KafkaConfig = {
    clientId: settings.clientId,
    brokers: [...settings.brokers],
    connectionTimeout: settings.connectTimeoutMs,
    authenticationTimeout: settings.connectTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    enforceRequestTimeout: true,
    logLevel: kafkajs.logLevel.NOTHING,
    retry: RETRY,
  };
  if (settings.ssl !== undefined) config.ssl = settings.ssl;
  const { sasl } = settings;
  if (sasl !== undefined)
    config.sasl = sasl.mechanism === "oauthbearer" ? oauthMechanism(sasl) : ({ ...sasl } as SASLOptions);
  const kafka = new kafkajs.Kafka(config);
  leaveRecords(kafka);
  return kafka;
}
