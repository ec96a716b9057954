import {
  type ErrorKind,
  isCertificateTrouble,
  isWaybillError,
  maskSecrets,
  NETWORK_KINDS,
  tlsAdvice,
  type WaybillError,
} from "@waybill/core/spi";
import { kafkaErrors } from "./errors.ts";

/** Kafka's own names of its answers, as both engines give them, Node's network codes, the engines' codes, and our own. */
const BY_CODE: Readonly<Record<string, ErrorKind>> = {
  ...NETWORK_KINDS,
  UNKNOWN_TOPIC_OR_PARTITION: "not-found",
  UNKNOWN_TOPIC_ID: "not-found",
  GROUP_ID_NOT_FOUND: "not-found",

  MESSAGE_TOO_LARGE: "too-large",
  RECORD_LIST_TOO_LARGE: "too-large",

  TOPIC_AUTHORIZATION_FAILED: "unauthorized",
  GROUP_AUTHORIZATION_FAILED: "unauthorized",
  CLUSTER_AUTHORIZATION_FAILED: "unauthorized",
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "unauthorized",
  SASL_AUTHENTICATION_FAILED: "unauthorized",
  UNSUPPORTED_SASL_MECHANISM: "unauthorized",
  ILLEGAL_SASL_STATE: "unauthorized",
  SECURITY_DISABLED: "unauthorized",

  UNKNOWN_MEMBER_ID: "lost",
  ILLEGAL_GENERATION: "lost",
  FENCED_INSTANCE_ID: "lost",
  FENCED_MEMBER_EPOCH: "lost",
  STALE_MEMBER_EPOCH: "lost",
  UNRELEASED_INSTANCE_ID: "lost",
  WB_KAFKA_LOST: "lost",
  WB_KAFKA_ENDED: "lost",

  THROTTLING_QUOTA_EXCEEDED: "throttled",

  INVALID_TOPIC_EXCEPTION: "invalid",
  INVALID_RECORD: "invalid",
  INVALID_REQUEST: "invalid",
  INVALID_REQUIRED_ACKS: "invalid",
  INVALID_TIMESTAMP: "invalid",
  INVALID_GROUP_ID: "invalid",
  INVALID_SESSION_TIMEOUT: "invalid",
  INVALID_PARTITIONS: "invalid",
  INVALID_REPLICATION_FACTOR: "invalid",
  INVALID_CONFIG: "invalid",
  INVALID_COMMIT_OFFSET_SIZE: "invalid",
  INCONSISTENT_GROUP_PROTOCOL: "invalid",
  GROUP_MAX_SIZE_REACHED: "invalid",
  POLICY_VIOLATION: "invalid",
  UNSUPPORTED_VERSION: "invalid",
  UNSUPPORTED_COMPRESSION_TYPE: "invalid",
  UNSUPPORTED_FOR_MESSAGE_FORMAT: "invalid",
  PLT_KFK_UNSUPPORTED: "invalid",
  PLT_KFK_UNSUPPORTED_COMPRESSION: "invalid",
  PLT_KFK_UNSUPPORTED_API: "invalid",

  CORRUPT_MESSAGE: "transient",
  LEADER_NOT_AVAILABLE: "transient",
  NOT_LEADER_FOR_PARTITION: "transient",
  NOT_LEADER_OR_FOLLOWER: "transient",
  REQUEST_TIMED_OUT: "transient",
  BROKER_NOT_AVAILABLE: "transient",
  REPLICA_NOT_AVAILABLE: "transient",
  NETWORK_EXCEPTION: "transient",
  GROUP_LOAD_IN_PROGRESS: "transient",
  GROUP_COORDINATOR_NOT_AVAILABLE: "transient",
  NOT_COORDINATOR_FOR_GROUP: "transient",
  COORDINATOR_LOAD_IN_PROGRESS: "transient",
  COORDINATOR_NOT_AVAILABLE: "transient",
  NOT_COORDINATOR: "transient",
  NOT_ENOUGH_REPLICAS: "transient",
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: "transient",
  REBALANCE_IN_PROGRESS: "transient",
  MEMBER_ID_REQUIRED: "transient",
  NOT_CONTROLLER: "transient",
  KAFKA_STORAGE_ERROR: "transient",
  OFFSET_OUT_OF_RANGE: "transient",
  OFFSET_NOT_AVAILABLE: "transient",
  FENCED_LEADER_EPOCH: "transient",
  UNKNOWN_LEADER_EPOCH: "transient",
  UNSTABLE_OFFSET_COMMIT: "transient",
  CONCURRENT_TRANSACTIONS: "transient",
  FETCH_SESSION_ID_NOT_FOUND: "transient",
  INVALID_FETCH_SESSION_EPOCH: "transient",
  STALE_BROKER_EPOCH: "transient",
  // The producer is made anew after each of these.
  OUT_OF_ORDER_SEQUENCE_NUMBER: "transient",
  UNKNOWN_PRODUCER_ID: "transient",
  DUPLICATE_SEQUENCE_NUMBER: "transient",
  INVALID_PRODUCER_EPOCH: "transient",
  PRODUCER_FENCED: "transient",
  PLT_KFK_UNEXPECTED_CORRELATION_ID: "transient",
  PLT_KFK_UNFINISHED_WRITE_BUFFER: "transient",
  PLT_KFK_UNEXPECTED_FRAME: "transient",
  WB_KAFKA_REBALANCING: "transient",
  WB_KAFKA_STALLED: "transient",
  WB_KAFKA_UNREAD: "transient",
  WB_KAFKA_GAP: "transient",

  WB_KAFKA_OPTION: "invalid",
  WB_KAFKA_ENGINE: "invalid",
  WB_KAFKA_NAME: "invalid",
  WB_KAFKA_CODEC: "invalid",
  WB_KAFKA_UNSUPPORTED: "invalid",
  WB_KAFKA_TOPIC: "not-found",
  WB_KAFKA_TOO_LARGE: "too-large",
  WB_KAFKA_CLOSED: "closed",
};

/** What an error says of itself where no code says more: kafkajs' classes, and the wrappers of the other engine, of which the innermost counts. */
const BY_NAME: Readonly<Record<string, ErrorKind>> = {
  // Whatever goes wrong while it signs in, a connection that is cut as well.
  PLT_KFK_AUTHENTICATION: "unauthorized",
  WB_KAFKA_TOKEN: "unauthorized",
  PLT_KFK_USER: "invalid",
  PLT_KFK_NETWORK: "transient",
  PLT_KFK_TIMEOUT: "transient",
  AbortError: "transient",
  TimeoutError: "transient",
  KafkaJSSASLAuthenticationError: "unauthorized",
  KafkaJSConnectionError: "transient",
  KafkaJSConnectionClosedError: "transient",
  KafkaJSRequestTimeoutError: "transient",
  KafkaJSNoBrokerAvailableError: "transient",
  KafkaJSBrokerNotFound: "transient",
  KafkaJSMetadataNotLoaded: "transient",
  KafkaJSTopicMetadataNotLoaded: "transient",
  KafkaJSStaleTopicMetadataAssignment: "transient",
  KafkaJSGroupCoordinatorNotFound: "transient",
  KafkaJSLockTimeout: "transient",
  KafkaJSTimeout: "transient",
  KafkaJSPartialMessageError: "transient",
  KafkaJSNotImplemented: "invalid",
  KafkaJSServerDoesNotSupportApiKey: "invalid",
  KafkaJSUnsupportedMagicByteInMessageSet: "invalid",
  KafkaJSDeleteTopicRecordsError: "transient",
  // The message of a bare Error: kafkajs was asked while a connection was made or lost.
  "Broker not connected": "transient",
  // What the other engine says where a broker answers in TLS.
  "Broker requires TLS.": "invalid",
};

/** kafkajs keeps of what went wrong while it signed in the text alone, and calls all of it a sign-in that failed. */
const CUT_WHILE_SIGNING_IN = /^SASL .* failed: (?:Closed connection|Connection |Request \w+\(.*timed out)/;

/** What the other engine makes of the broker's answer, and calls a mistake of its user's. */
const UNKNOWN_TOPIC = /^Unknown topic /;

const MAX_LOOKED_AT = 50;

/** What an error of an engine, of the network or of this adapter means. Codes count before names. Never throws. */
export function classify(error: unknown): ErrorKind {
  try {
    return knownIn(error)?.kind ?? "unknown";
  } catch {
    // An object whose getters throw says nothing.
    return "unknown";
  }
}

/** The outermost code that is known; else the innermost name: wrappers say little of what they hold. */
function knownIn(error: unknown): { word: string; kind: ErrorKind } | undefined {
  const { codes, names } = wordsOf(error);
  for (const word of codes) {
    if (Object.hasOwn(BY_CODE, word)) return { word, kind: BY_CODE[word]! };
    if (isCertificateTrouble(word)) return { word, kind: "unauthorized" };
  }
  if (names.some((name) => CUT_WHILE_SIGNING_IN.test(name)))
    return { word: "KafkaJSConnectionError", kind: "transient" };
  if (names.some((name) => UNKNOWN_TOPIC.test(name))) return { word: "UNKNOWN_TOPIC_OR_PARTITION", kind: "not-found" };
  const word = names.findLast((name) => Object.hasOwn(BY_NAME, name));
  return word === undefined ? undefined : { word, kind: BY_NAME[word]! };
}

/** What an error and those inside it call themselves, from the outside in: `type`, `apiId` and `code`; class names and messages. */
function wordsOf(error: unknown): { codes: string[]; names: string[] } {
  const queue: unknown[] = [error];
  const codes: string[] = [];
  const names: string[] = [];
  for (let index = 0; index < queue.length && index < MAX_LOOKED_AT; index++) {
    const next = queue[index];
    if (typeof next !== "object" || next === null) continue;
    const { type, apiId, code, name, message, cause, errors } = next as Record<string, unknown>;
    for (const word of [type, apiId, code]) if (typeof word === "string") codes.push(word);
    for (const word of [code, name, message]) if (typeof word === "string") names.push(word);
    queue.push(cause);
    if (Array.isArray(errors)) queue.push(...errors);
  }
  return { codes, names };
}

const COORDINATOR_LOADING: ReadonlySet<string> = new Set([
  "GROUP_LOAD_IN_PROGRESS",
  "COORDINATOR_LOAD_IN_PROGRESS",
  "GROUP_COORDINATOR_NOT_AVAILABLE",
  "COORDINATOR_NOT_AVAILABLE",
  "NOT_COORDINATOR_FOR_GROUP",
  "NOT_COORDINATOR",
  "KafkaJSGroupCoordinatorNotFound",
]);

/** The group has no coordinator that answers yet; it will in a moment. */
export function isCoordinatorLoading(error: unknown): boolean {
  const { codes, names } = wordsOf(error);
  return [...codes, ...names].some((word) => COORDINATOR_LOADING.has(word));
}

const EXPELLED: ReadonlySet<string> = new Set(["UNKNOWN_MEMBER_ID", "FENCED_INSTANCE_ID", "FENCED_MEMBER_EPOCH"]);

/** The group has this member no more: what it had is others'. */
export function isExpelled(error: unknown): boolean {
  return wordsOf(error).codes.some((word) => EXPELLED.has(word));
}

/** Of a batch, one record is not to the broker's liking, and it does not say which. */
export function isOfOneRecord(error: unknown): boolean {
  return classify(error) === "too-large" || wordsOf(error).codes.includes("INVALID_RECORD");
}

const ADVICE: Readonly<Record<ErrorKind, string>> = {
  transient:
    "it passes by itself; if it does not, check that the brokers and the addresses that they advertise can be reached; one that hangs up at once speaks TLS or signs in otherwise than ssl and sasl say",
  throttled: "the brokers hold this client to its quota; send less, or raise it",
  lost: "the partition has moved to another member, which gets the message again",
  unauthorized: "check sasl and ssl, and the user's ACLs on topic and group",
  "not-found": "create the topic, or allow createTopics, or correct prefix or names",
  "too-large": "send less, publish a reference, or raise max.message.bytes of the topic",
  invalid: "the broker will never take this; the cause holds its answer",
  closed: "open a new one",
  unknown: "the cause holds what the client library said",
};

const NO_REPLICAS =
  "it passes when as many of the partition's replicas are in sync as min.insync.replicas asks; if it does not, look for their brokers";
const NO_LEADER = "it passes when the partitions have a leader; if it does not, look for the brokers of their replicas";

/** Of answers that say less than can be known. */
const ADVICE_ON: Readonly<Record<string, string>> = {
  KafkaJSMetadataNotLoaded: NO_LEADER,
  KafkaJSTopicMetadataNotLoaded: NO_LEADER,
  NOT_ENOUGH_REPLICAS: NO_REPLICAS,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: NO_REPLICAS,
  INVALID_RECORD: "a compacted topic takes no event without a key; the cause holds the broker's answer",
  CLUSTER_AUTHORIZATION_FAILED:
    "give the user the ACL Write on the topic; an idempotent producer may not even begin while it may write to none",
  ILLEGAL_SASL_STATE: "the broker signs nobody in at that port; leave sasl out, or use another of the brokers' ports",
  UNSUPPORTED_SASL_MECHANISM: "set one of the mechanisms that the broker has enabled at that port as sasl.mechanism",
  "Broker requires TLS.": "set ssl, or use a port of the brokers that speaks no TLS",
};

/** Says what was done, where, and what was answered, in one sentence. */
export function failedCall(doing: string, what: string, error: unknown): unknown {
  if ((error as { name?: unknown } | null)?.name === "AbortError") return error;
  const found = chainOf(error);
  const own = found.find((one): one is WaybillError => isWaybillError(one));
  if (own !== undefined) return own;
  const known = knownIn(error);
  const kind = known?.kind ?? "unknown";
  const advice = tlsAdvice(error, "ssl.ca") ?? ADVICE_ON[known?.word ?? ""] ?? ADVICE[kind];
  return kafkaErrors.WB_KAFKA_CALL({ doing, what, answer: answerOf(found, known?.word), kind, advice }, error);
}

/** From the outside in; of several that went wrong side by side, the first. */
function chainOf(error: unknown): unknown[] {
  const { cause, errors } = (error ?? {}) as { cause?: unknown; errors?: unknown };
  const inner = (Array.isArray(errors) ? errors[0] : undefined) ?? cause;
  return inner === undefined || inner === null ? [error] : [error, ...chainOf(inner)];
}

/** The innermost error says what happened; those around it, who passed it on. */
function answerOf(chain: readonly unknown[], word: string | undefined): string {
  const texts = chain.map(textOf).filter((text) => text !== "");
  const said = maskSecrets(texts.at(-1) ?? "an error without words")
    // Of OpenSSL's line only what went wrong, without the places in its sources.
    .replace(/\b\w+:error:\w+:SSL routines:\w*:([^:]+):[^\n]*/, "$1")
    .replace(/[\s:.]+$/, "");
  return word === undefined || said.includes(word) ? said : `${word}: ${said}`;
}

/** The broker's own words, where it has sent some. */
function textOf(error: unknown): string {
  const { serverErrorMessage, message } = (error ?? {}) as { serverErrorMessage?: unknown; message?: unknown };
  if (typeof serverErrorMessage === "string" && serverErrorMessage !== "") return serverErrorMessage;
  return typeof message === "string" ? message : String(error);
}
