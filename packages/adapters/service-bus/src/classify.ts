import { type ErrorKind, kindWithin, maskSecrets, NETWORK_KINDS, statusKind, tlsAdvice } from "@waybill/core/spi";
import { serviceBusErrors } from "./errors.ts";

/**
 * Codes of `ServiceBusError`, of core-amqp's `MessagingError` where the SDK forgot to translate it, of the administration API, Node's network
 * codes, and our own.
 */
const BY_CODE: Readonly<Record<string, ErrorKind>> = {
  ...NETWORK_KINDS,
  MessageLockLost: "lost",
  MessageLockLostError: "lost",
  MessageNotFound: "lost",
  MessageNotFoundError: "lost",
  SessionLockLost: "lost",
  SessionLockLostError: "lost",
  WB_SERVICE_BUS_LOST: "lost",
  MessagingEntityNotFound: "not-found",
  MessagingEntityNotFoundError: "not-found",
  MessageEntityNotFoundError: "not-found",
  UnauthorizedAccess: "unauthorized",
  UnauthorizedError: "unauthorized",
  UnauthorizedRequestError: "unauthorized",
  WB_SERVICE_BUS_CREDENTIALS: "unauthorized",
  MessageSizeExceeded: "too-large",
  MessageTooLargeError: "too-large",
  WB_SERVICE_BUS_TOO_LARGE: "too-large",
  ServiceBusy: "throttled",
  ServerBusyError: "throttled",
  // The queue is full: it may have room again, later.
  QuotaExceeded: "throttled",
  QuotaExceededError: "throttled",
  // Somebody may enable it again.
  MessagingEntityDisabled: "transient",
  MessagingEntityDisabledError: "transient",
  ServiceTimeout: "transient",
  ServiceUnavailableError: "transient",
  OperationTimeoutError: "transient",
  ServiceCommunicationProblem: "transient",
  ServiceCommunicationError: "transient",
  SessionCannotBeLocked: "transient",
  SessionCannotBeLockedError: "transient",
  InternalServerError: "transient",
  DetachForcedError: "transient",
  ConnectionForcedError: "transient",
  TransferLimitExceededError: "transient",
  LinkRedirectError: "transient",
  InsufficientCreditError: "transient",
  SendOperationFailedError: "transient",
  SenderNotReadyError: "transient",
  SenderBusyError: "transient",
  MessagingEntityAlreadyExists: "invalid",
  MessagingEntityAlreadyExistsError: "invalid",
  MessageEntityAlreadyExistsError: "invalid",
  ArgumentError: "invalid",
  ArgumentOutOfRangeError: "invalid",
  InvalidFieldError: "invalid",
  InvalidOperationError: "invalid",
  NotImplementedError: "invalid",
  PreconditionFailedError: "invalid",
  DecodeError: "invalid",
  REQUEST_SEND_ERROR: "transient",
  WB_SERVICE_BUS_OPTION: "invalid",
  WB_SERVICE_BUS_NAME: "invalid",
  WB_SERVICE_BUS_PLACE: "invalid",
  WB_SERVICE_BUS_REJECT: "invalid",
  WB_SERVICE_BUS_CLOSED: "closed",
};

/** Of errors without a known code. */
const BY_NAME: Readonly<Record<string, ErrorKind>> = {
  AbortError: "transient",
  TimeoutError: "transient",
  OperationTimeoutError: "transient",
  CredentialUnavailableError: "unauthorized",
  AuthenticationRequiredError: "unauthorized",
  AuthenticationError: "unauthorized",
  AggregateAuthenticationError: "unauthorized",
};

/** rhea's only word for a peer that hangs up before it has opened the connection: a gateway whose service is away, a broker that is starting. */
const HUNG_UP = "Failed to connect";

const BY_STATUS: Readonly<Record<number, ErrorKind>> = { 410: "transient" };

/**
 * `ServiceBusError` puts everything that it has no code for under `GeneralError`, socket errors too, and keeps the real code only as the first
 * word of its message.
 */
const HIDDEN_CODE = /^([A-Za-z_]+): /;

function kindOf(error: object): ErrorKind | undefined {
  const { code, statusCode, errno, name, syscall, message } = error as Record<string, unknown>;
  const hidden = code === "GeneralError" && typeof message === "string" ? HIDDEN_CODE.exec(message)?.[1] : undefined;
  for (const word of [code, errno, hidden]) {
    if (typeof word === "string" && Object.hasOwn(BY_CODE, word)) return BY_CODE[word];
  }
  if (typeof name === "string" && Object.hasOwn(BY_NAME, name)) return BY_NAME[name];
  if (typeof statusCode === "number" && statusCode >= 400) return BY_STATUS[statusCode] ?? statusKind(statusCode);
  if (message === HUNG_UP) return "transient";
  // A socket error of a code that is not listed.
  if (typeof syscall === "string" && typeof errno === "number") return "transient";
  return undefined;
}

/** What an error of the SDK, of the network or of this adapter means. The outermost error that says something wins. Never throws. */
export const classify = (error: unknown): ErrorKind => kindWithin(error, kindOf);

const ADVICE: Readonly<Record<ErrorKind, string>> = {
  transient:
    "it passes by itself; if it does not, check the network, the firewall (5671, or 443 with webSocket: true) and the namespace's name",
  throttled: "the namespace takes no more now, or the entity is full; slow down, read it empty, or use a larger tier",
  lost: "another consumer may have the message now; it is delivered again unless it was completed",
  unauthorized:
    "check the key, the SAS's expiry, or the roles Azure Service Bus Data Sender and Data Receiver (Data Owner to create entities)",
  "not-found": "create it (topology does), or correct prefix, names, queues or ownQueues",
  "too-large": "send less, or publish a reference",
  invalid:
    "the service will never take this; common reasons: sessions differs from what the entity requires, or the Basic tier, which has no topics and no sessions",
  closed: "open a new one",
  unknown: "the cause holds what the SDK said",
};

/** Says what was done, where, and what was answered; the SDK's own text often names neither. */
export function failedCall(doing: string, entity: string, error: unknown): unknown {
  const { code, name } = (error ?? {}) as Record<string, unknown>;
  if (name === "AbortError" || (typeof code === "string" && code.startsWith("WB_"))) return error;
  const kind = classify(error);
  const answer = maskSecrets(textOf(error)).replace(/[.\s]+$/, "");
  return serviceBusErrors.WB_SERVICE_BUS_CALL(
    { doing, entity, answer, kind, advice: tlsAdvice(error) ?? ADVICE[kind] },
    error,
  );
}

function textOf(error: unknown): string {
  const { code, statusCode, message, errors } = (error ?? {}) as Record<string, unknown>;
  // Several attempts, or several addresses of one host: the last one says it.
  if (Array.isArray(errors) && errors.length > 0 && typeof code !== "string") return textOf(errors.at(-1));
  const status = typeof statusCode === "number" ? `HTTP ${statusCode}` : undefined;
  const word = typeof code === "string" && code !== "GeneralError" ? code : undefined;
  const text = typeof message === "string" ? message.split("\n")[0]!.slice(0, 300) : String(error);
  return [word, status, text].filter((part) => part !== undefined && part !== "").join(", ");
}
