import { type ErrorKind, kindWithin, maskSecrets, NETWORK_KINDS, statusKind, tlsAdvice } from "@waybill/core/spi";
import { eventHubsErrors } from "./errors.ts";

/** Codes of the SDK's `MessagingError`, of Node's network, of the blob service, and our own. What stands here wins over a status. */
const BY_CODE: Readonly<Record<string, ErrorKind>> = {
  ...NETWORK_KINDS,
  // amqp:link:stolen: a consumer with the same or a higher owner level reads the partition.
  ReceiverDisconnectedError: "lost",
  WB_EVENT_HUBS_LOST: "lost",
  MessagingEntityNotFoundError: "not-found",
  MessagingEntityDisabledError: "not-found",
  ResourceDeletedError: "not-found",
  ContainerNotFound: "not-found",
  BlobNotFound: "not-found",
  UnauthorizedError: "unauthorized",
  AuthenticationFailed: "unauthorized",
  AuthorizationFailure: "unauthorized",
  AuthorizationPermissionMismatch: "unauthorized",
  InvalidAuthenticationInfo: "unauthorized",
  AccountIsDisabled: "unauthorized",
  WB_EVENT_HUBS_CREDENTIALS: "unauthorized",
  ServerBusyError: "throttled",
  QuotaExceededError: "throttled",
  ServerBusy: "throttled",
  MessageTooLargeError: "too-large",
  WB_EVENT_HUBS_TOO_LARGE: "too-large",
  ArgumentError: "invalid",
  ArgumentOutOfRangeError: "invalid",
  InvalidFieldError: "invalid",
  InvalidOperationError: "invalid",
  NotImplementedError: "invalid",
  DecodeError: "invalid",
  PreconditionFailedError: "invalid",
  WB_EVENT_HUBS_MESSAGE: "invalid",
  WB_EVENT_HUBS_OPTION: "invalid",
  WB_EVENT_HUBS_CHECKPOINTS: "invalid",
  WB_EVENT_HUBS_NAME: "invalid",
  WB_EVENT_HUBS_SETTLE: "invalid",
  WB_EVENT_HUBS_SUBSCRIPTION: "not-found",
  WB_EVENT_HUBS_CLOSED: "closed",
  OperationTimeoutError: "transient",
  ServiceUnavailableError: "transient",
  ServiceCommunicationError: "transient",
  OperationCancelledError: "transient",
  ConnectionForcedError: "transient",
  DetachForcedError: "transient",
  TransferLimitExceededError: "transient",
  InsufficientCreditError: "transient",
  InternalServerError: "transient",
  SenderBusyError: "transient",
  SenderNotReadyError: "transient",
  SendOperationFailedError: "transient",
  SystemError: "transient",
  LinkRedirectError: "transient",
  ConnectionRedirectError: "transient",
  SessionWindowViolationError: "transient",
  UnattachedHandleError: "transient",
  ErrantLinkError: "transient",
  HandleInUseError: "transient",
  // Two owners wrote the same checkpoint at once.
  ConditionNotMet: "transient",
  OperationTimedOut: "transient",
  InternalError: "transient",
  ContainerBeingDeleted: "transient",
  PARSE_ERROR: "transient",
  REQUEST_SEND_ERROR: "transient",
};

const BY_NAME: Readonly<Record<string, ErrorKind>> = {
  AbortError: "transient",
  TimeoutError: "transient",
  CredentialUnavailableError: "unauthorized",
  AuthenticationRequiredError: "unauthorized",
  AuthenticationError: "unauthorized",
  AggregateAuthenticationError: "unauthorized",
};

/** rhea's only word for a peer that hangs up before it has opened the connection: a gateway whose service is away, a broker that is starting. */
const HUNG_UP = "Failed to connect";

/** 409 and 412: two owners wrote the same checkpoint at once. */
const BY_STATUS: Readonly<Record<number, ErrorKind>> = { 409: "transient", 412: "transient", 503: "throttled" };

function kindOf(error: object): ErrorKind | undefined {
  const { code, statusCode, name, message } = error as Record<string, unknown>;
  if (typeof code === "string" && Object.hasOwn(BY_CODE, code)) return BY_CODE[code];
  if (typeof name === "string" && Object.hasOwn(BY_NAME, name)) return BY_NAME[name];
  if (typeof statusCode === "number" && statusCode >= 400) return BY_STATUS[statusCode] ?? statusKind(statusCode);
  if (message === HUNG_UP) return "transient";
  return undefined;
}

const MAX_LOOKED_AT = 50;

/** What an error of the SDK, of the network, of the checkpoint store or of this adapter means. The outermost that says something wins. Never throws. */
export const classify = (error: unknown): ErrorKind => kindWithin(error, kindOf);

/** Whether the SDK, or `createCall`, waited in vain for an answer of the namespace. Never throws. */
export function timedOut(error: unknown): boolean {
  const queue: unknown[] = [error];
  for (let index = 0; index < queue.length && index < MAX_LOOKED_AT; index++) {
    const { name, code, errors, cause } = (queue[index] ?? {}) as Record<string, unknown>;
    if (name === "TimeoutError" || code === "OperationTimeoutError" || code === "ServiceUnavailableError") return true;
    if (Array.isArray(errors)) queue.push(...errors);
    if (cause !== undefined) queue.push(cause);
  }
  return false;
}

const ADVICE: Readonly<Record<ErrorKind, string>> = {
  transient: "it passes by itself; if it does not, check the network and the namespace's address",
  throttled: "the namespace takes no more now; add throughput units, or lower the rate",
  lost: "another consumer of the group reads the partition; its events are delivered there",
  unauthorized:
    "check the key, the SAS's expiry and its rights (Send, Listen), or the roles Azure Event Hubs Data Sender and Receiver and, for checkpoints, Storage Blob Data Contributor",
  "not-found":
    "hubs and consumer groups are made in the management plane, such as by az eventhubs eventhub create and az eventhubs eventhub consumer-group create; waybill topology plan lists what is missing",
  "too-large": "a batch takes 256 KiB on the Basic tier and 1 MiB on the others; send less, or publish a reference",
  invalid: "the service will never take this; the cause holds its answer",
  closed: "open a new one",
  unknown: "the cause holds what the SDK said",
};

/** Says what was done, where, and what was answered: with a code, a sentence and a hint, and without a secret. */
export function failedCall(doing: string, entity: string, error: unknown): unknown {
  const { code, name } = (error ?? {}) as Record<string, unknown>;
  if (typeof code === "string" && code.startsWith("WB_")) return error;
  if (name === "AbortError") return error;
  const kind = classify(error);
  return eventHubsErrors.WB_EVENT_HUBS_CALL(
    { doing, entity, answer: answerOf(error), kind, advice: tlsAdvice(error) ?? ADVICE[kind] },
    error,
  );
}

const MAX_ANSWER = 300;

/** The code and the words of the first error that has both. */
function answerOf(error: unknown): string {
  const queue: unknown[] = [error];
  let words = "";
  for (let index = 0; index < queue.length && index < MAX_LOOKED_AT; index++) {
    const next = queue[index];
    if (typeof next !== "object" || next === null) {
      words ||= String(next);
      continue;
    }
    const { code, message, errors, cause, statusCode } = next as Record<string, unknown>;
    const label = typeof code === "string" ? code : typeof statusCode === "number" ? `HTTP ${statusCode}` : undefined;
    const text = typeof message === "string" ? firstLine(message) : "";
    if (label !== undefined) return text === "" ? label : `${label}, ${text}`;
    words ||= text;
    if (Array.isArray(errors)) queue.push(...errors);
    queue.push(cause);
  }
  return words === "" ? "no reason was given" : words;
}

function firstLine(text: string): string {
  return maskSecrets(text.split("\n", 1)[0] ?? "")
    .replace(/[.\s]+$/, "")
    .slice(0, MAX_ANSWER);
}
