import { createRequire } from "node:module";
import type { Socket } from "node:net";
import kafkajs, {
  type ISocketFactory,
  type Kafka,
  type KafkaConfig,
  type RetryOptions,
  type SASLOptions,
} from "kafkajs";
import type { Settings } from "../../options.ts";
import { withinSeconds } from "../within-seconds.ts";
import { type CallChanges, changeCalls } from "./broker-calls.ts";
import { stopIdleTimer } from "./idle-timer.ts";
import { leaveRecords } from "./leave-records.ts";
import { oauthMechanism } from "./oauth-mechanism.ts";
import { writeRecords } from "./write-records.ts";

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

/** One client of the library's, for one of its producers, consumers or admins. */
export interface Client {
  readonly kafka: Kafka;
  /** Waits some seconds for `closing`, then ends what is left: kafkajs waits for the answers of a broker that is silent, and asks on. */
  end(closing: Promise<unknown>): Promise<void>;
}

/** `changes`: of how its brokers are asked, beside those that all clients have. */
export function createClient(settings: Settings, changes: CallChanges = {}): Client {
  stopIdleTimer();
  const sockets = new Set<Socket>();
  let ended = false;
  const config: KafkaConfig = {
    clientId: settings.clientId,
    brokers: [...settings.brokers],
    connectionTimeout: settings.connectTimeoutMs,
    authenticationTimeout: settings.connectTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    enforceRequestTimeout: true,
    logLevel: kafkajs.logLevel.NOTHING,
    retry: RETRY,
    socketFactory(place) {
      if (ended) throw new Error("The client is closed.");
      const socket = connect(place);
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      return socket;
    },
  };
  if (settings.ssl !== undefined) config.ssl = settings.ssl;
  const { sasl } = settings;
  if (sasl !== undefined)
    config.sasl = sasl.mechanism === "oauthbearer" ? oauthMechanism(sasl) : ({ ...sasl } as SASLOptions);
  const kafka = new kafkajs.Kafka(config);
  changeCalls(kafka, { fetch: leaveRecords, produce: writeRecords, ...changes });
  return {
    kafka,
    async end(closing) {
      await withinSeconds(closing);
      ended = true;
      // With an error, which is what makes kafkajs give up its waiting and its timers.
      for (const socket of sockets) socket.destroy(new Error("The client is closed."));
    },
  };
}

const connect = (createRequire(import.meta.url)("kafkajs/src/network/socketFactory") as () => ISocketFactory)();
