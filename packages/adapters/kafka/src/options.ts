import type { ConnectionOptions } from "node:tls";
import { checkLogicalName, optionChecks } from "@waybill/core/spi";
import { kafkaErrors } from "./errors.ts";
import { type EventHubsProfile, eventHubsProfile } from "./event-hubs-profile.ts";

const ENGINES = ["kafkajs", "platformatic"] as const;
export type EngineName = (typeof ENGINES)[number];

const COMPRESSIONS = ["none", "gzip", "zstd"] as const;
export type Compression = (typeof COMPRESSIONS)[number];

export type Sasl =
  | {
      readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
      readonly username: string;
      readonly password: string;
    }
  | {
      readonly mechanism: "oauthbearer";
      /** A token that is valid now; asked again for each connection and before one ends. */
      readonly token: () => string | Promise<string>;
    };

export interface KafkaOptions {
  /** `host:port` of some brokers of the cluster: a list, or one text with commas. Not beside `eventHubs`. */
  readonly brokers?: string | readonly string[] | undefined;
  /** Azure Event Hubs through its Kafka endpoint: sets brokers, TLS, sign-in and limits. */
  readonly eventHubs?: EventHubsProfile | undefined;
  /** TLS: `true`, or `{ ca, cert, key, passphrase, … }` of `node:tls`; a certificate with its key signs in (mTLS). Default: no TLS. */
  readonly ssl?: boolean | ConnectionOptions | undefined;
  readonly sasl?: Sasl | undefined;
  /** What the brokers' logs and quotas call this client. Default `waybill`. */
  readonly clientId?: string | undefined;
  /** Default `kafkajs`. `platformatic` needs the package `@platformatic/kafka` beside this one, and Node 22.22 or 24.6. */
  readonly engine?: EngineName | undefined;

  /** Each topic's subscriptions: what `topology` plans for. Sending and receiving do not need it. */
  readonly subscriptions?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Stands before every topic and group name, so that dev and test can share a cluster. */
  readonly prefix?: string | undefined;
  /** Topic names set by hand, by `topic`, `topic/subscription` (its retry topic) or `topic/subscription/dead`. */
  readonly names?: Readonly<Record<string, string>> | undefined;
  /** Consumer groups set by hand, by `topic/subscription`. */
  readonly groups?: Readonly<Record<string, string>> | undefined;

  /** Creates a missing topic when it is first used. Default true, and false with `eventHubs`. */
  readonly createTopics?: boolean | undefined;
  /** Of topics that are created; retry and dead-letter topics get one. Default: the broker's `num.partitions`. */
  readonly partitions?: number | undefined;
  /** Of topics that are created. Default: the broker's `default.replication.factor`. */
  readonly replicationFactor?: number | undefined;

  /** Of what is sent: `gzip` or `zstd`. Both are read as well; snappy and lz4 with the packages `snappy` and `lz4-napi`, or the engine `platformatic`. Default `none`. */
  readonly compression?: Compression | undefined;
  /** The broker drops what a retry within the client sends twice. Default true, and false with `eventHubs`. */
  readonly idempotent?: boolean | undefined;

  /** A member that the brokers have not heard of for so long has lost its partitions; 1 000 to 1 800 000, and 6 000 to 300 000 with `eventHubs`. Default 30 000. */
  readonly sessionTimeoutMs?: number | undefined;
  /** How long the members of a group may take to come together again. Default 60 000. */
  readonly rebalanceTimeoutMs?: number | undefined;
  /** Default a tenth of the session, 3 000 at most. */
  readonly heartbeatIntervalMs?: number | undefined;
  /** How long a broker may take to answer, 1 000 to 600 000. Default 30 000; 60 000 with `eventHubs`, which takes no less than 20 000. */
  readonly requestTimeoutMs?: number | undefined;
  /** How long a connection and its sign-in may take, 100 to 60 000. Default 5 000. */
  readonly connectTimeoutMs?: number | undefined;
}

export interface Settings {
  readonly brokers: readonly string[];
  readonly ssl: true | ConnectionOptions | undefined;
  readonly sasl: Sasl | undefined;
  readonly clientId: string;
  readonly engine: EngineName;
  readonly subscriptions: ReadonlyMap<string, readonly string[]>;
  readonly prefix: string | undefined;
  readonly names: Readonly<Record<string, string>>;
  readonly groups: Readonly<Record<string, string>>;
  readonly createTopics: boolean;
  readonly partitions: number | undefined;
  readonly replicationFactor: number | undefined;
  readonly compression: Compression;
  readonly idempotent: boolean;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly requestTimeoutMs: number;
  readonly connectTimeoutMs: number;
  /** Of a message and of a batch, where the service has a limit that its configuration does not tell. */
  readonly maxMessageBytes: number | undefined;
}

/** A record, so that the compiler asks for every new option. */
const KNOWN: Readonly<Record<keyof KafkaOptions, true>> = {
  brokers: true,
  eventHubs: true,
  ssl: true,
  sasl: true,
  clientId: true,
  engine: true,
  subscriptions: true,
  prefix: true,
  names: true,
  groups: true,
  createTopics: true,
  partitions: true,
  replicationFactor: true,
  compression: true,
  idempotent: true,
  sessionTimeoutMs: true,
  rebalanceTimeoutMs: true,
  heartbeatIntervalMs: true,
  requestTimeoutMs: true,
  connectTimeoutMs: true,
};

const MAX_HEARTBEAT_MS = 3_000;

/** Refuses what is unknown or out of range, and fills in the defaults. */
export function checkOptions(given: KafkaOptions): Settings {
  check.known(given, KNOWN, "kafka({ … })");
  const profile = given.eventHubs === undefined ? undefined : eventHubsProfile(given);
  const options: KafkaOptions = { ...profile?.options, ...withoutUndefined(given) };
  if (options.prefix !== undefined) checkLogicalName("prefix", options.prefix);
  const sessionTimeoutMs = check.milliseconds("sessionTimeoutMs", options.sessionTimeoutMs ?? 30_000, 1_000, 1_800_000);
  return {
    brokers: checkBrokers(options.brokers),
    ssl: checkSsl(options.ssl),
    sasl: options.sasl === undefined ? undefined : checkSasl(options.sasl),
    clientId: text("clientId", options.clientId ?? "waybill"),
    engine: check.oneOf("engine", options.engine ?? "kafkajs", ENGINES),
    subscriptions: check.subscriptions(options.subscriptions),
    prefix: options.prefix,
    names: { ...options.names },
    groups: { ...options.groups },
    createTopics: check.fact("createTopics", options.createTopics ?? true),
    partitions: count("partitions", options.partitions, 100_000),
    replicationFactor: count("replicationFactor", options.replicationFactor, 32),
    compression: check.oneOf("compression", options.compression ?? "none", COMPRESSIONS),
    idempotent: check.fact("idempotent", options.idempotent ?? true),
    sessionTimeoutMs,
    rebalanceTimeoutMs: check.milliseconds(
      "rebalanceTimeoutMs",
      options.rebalanceTimeoutMs ?? 60_000,
      1_000,
      1_800_000,
    ),
    heartbeatIntervalMs: check.milliseconds(
      "heartbeatIntervalMs",
      options.heartbeatIntervalMs ?? Math.min(MAX_HEARTBEAT_MS, sessionTimeoutMs / 10),
      50,
      sessionTimeoutMs / 3,
    ),
    requestTimeoutMs: check.milliseconds("requestTimeoutMs", options.requestTimeoutMs ?? 30_000, 1_000, 600_000),
    connectTimeoutMs: check.milliseconds("connectTimeoutMs", options.connectTimeoutMs ?? 5_000, 100, 60_000),
    maxMessageBytes: profile?.maxMessageBytes,
  };
}

function withoutUndefined(options: KafkaOptions): KafkaOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

const BROKER = /^(\[[0-9a-f:.]+\]|[^\s:/@[\]]+):\d{1,5}$/i;

function checkBrokers(given: string | readonly string[] | undefined): readonly string[] {
  const brokers = typeof given === "string" ? given.split(",").map((broker) => broker.trim()) : given;
  if (!Array.isArray(brokers) || brokers.length === 0) {
    throw refused("brokers", 'must be a list of host:port, such as ["localhost:9092"]');
  }
  // Not repeated: whoever takes it for a URL may have put a password into it.
  const wrong = brokers.findIndex((broker) => typeof broker !== "string" || !BROKER.test(broker));
  if (wrong >= 0) throw refused(`brokers[${wrong}]`, "is not host:port (no protocol, no path, no user)");
  return [...brokers];
}

function checkSsl(ssl: boolean | ConnectionOptions | undefined): true | ConnectionOptions | undefined {
  if (ssl === undefined || ssl === false) return undefined;
  if (ssl === true) return true;
  if (typeof ssl !== "object" || ssl === null) throw refused("ssl", "must be true, false or options of node:tls");
  if ((ssl.cert === undefined) !== (ssl.key === undefined)) throw refused("ssl", "needs cert and key together");
  return ssl;
}

const PASSWORD_MECHANISMS = ["plain", "scram-sha-256", "scram-sha-512"] as const;

function checkSasl(sasl: Sasl): Sasl {
  if (typeof sasl !== "object" || sasl === null) throw refused("sasl", "must be an object with a mechanism");
  if (sasl.mechanism === "oauthbearer") {
    if (typeof sasl.token !== "function") throw refused("sasl.token", "must be a function that answers a token");
    return { mechanism: "oauthbearer", token: sasl.token };
  }
  check.oneOf("sasl.mechanism", sasl.mechanism, [...PASSWORD_MECHANISMS, "oauthbearer"]);
  const { mechanism, username, password } = sasl;
  return { mechanism, username: text("sasl.username", username), password: text("sasl.password", password) };
}

function count(option: string, value: number | undefined, max: number): number | undefined {
  return value === undefined ? undefined : check.whole(option, value, 1, max);
}

function text(option: string, value: string): string {
  if (typeof value !== "string" || value === "") throw refused(option, "must be a text that is not empty");
  return value;
}

const refused = (option: string, problem: string) => kafkaErrors.WB_KAFKA_OPTION({ option, problem });
const check = optionChecks(refused);
