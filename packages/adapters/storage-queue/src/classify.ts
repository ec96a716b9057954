import { type ErrorKind, kindWithin, maskSecrets, NETWORK_KINDS, statusKind, tlsAdvice } from "@waybill/core/spi";
import { storageQueueErrors } from "./errors.ts";

/** `x-ms-error-code` of the service, Node's network codes, and our own. What stands here wins over the status. */
const BY_CODE: Readonly<Record<string, ErrorKind>> = {
  ...NETWORK_KINDS,
  MessageNotFound: "lost",
  PopReceiptMismatch: "lost",
  WB_STORAGE_QUEUE_LOST: "lost",
  QueueNotFound: "not-found",
  ResourceNotFound: "not-found",
  ServerBusy: "throttled",
  TooManyRequests: "throttled",
  AccountIsDisabled: "unauthorized",
  InvalidAuthenticationInfo: "unauthorized",
  RequestBodyTooLarge: "too-large",
  MessageTooLarge: "too-large",
  WB_STORAGE_QUEUE_TOO_LARGE: "too-large",
  // A deleted queue's name stays taken for half a minute or longer.
  QueueBeingDeleted: "transient",
  OperationTimedOut: "transient",
  InternalError: "transient",
  // An answer cut off half-way.
  PARSE_ERROR: "transient",
  REQUEST_SEND_ERROR: "transient",
  WB_STORAGE_QUEUE_TEXT: "invalid",
  WB_STORAGE_QUEUE_MESSAGE: "invalid",
  WB_STORAGE_QUEUE_OPTION: "invalid",
  WB_STORAGE_QUEUE_NAME: "invalid",
  WB_STORAGE_QUEUE_REJECT: "invalid",
  WB_STORAGE_QUEUE_CREDENTIALS: "unauthorized",
  WB_STORAGE_QUEUE_UNDECLARED: "not-found",
  WB_STORAGE_QUEUE_SUBSCRIPTION: "not-found",
  WB_STORAGE_QUEUE_CLOSED: "closed",
};

/** Of errors without a known code; an identity error carries the status of another service. */
const BY_NAME: Readonly<Record<string, ErrorKind>> = {
  AbortError: "transient",
  TimeoutError: "transient",
  CredentialUnavailableError: "unauthorized",
  AuthenticationRequiredError: "unauthorized",
  AuthenticationError: "unauthorized",
  AggregateAuthenticationError: "unauthorized",
};

/** Negative `errno` values and system codes come as strings in `code`; libuv's number alone tells nothing portable. */
function kindOf(error: object): ErrorKind | undefined {
  const { code, statusCode, errno, name } = error as Record<string, unknown>;
  for (const word of [code, errno]) {
    if (typeof word === "string" && Object.hasOwn(BY_CODE, word)) return BY_CODE[word];
  }
  if (typeof name === "string" && Object.hasOwn(BY_NAME, name)) return BY_NAME[name];
  if (typeof statusCode === "number" && statusCode >= 400) return statusKind(statusCode);
  return undefined;
}

/** What an error of the SDK, of the network or of this adapter means. The outermost error that says something wins. Never throws. */
export const classify = (error: unknown): ErrorKind => kindWithin(error, kindOf);

const ADVICE: Readonly<Record<ErrorKind, string>> = {
  transient: "it passes by itself; if it does not, check the network and the account's endpoint",
  throttled: "the account takes no more now; lower the concurrency, or spread the load over accounts",
  lost: "another consumer may have the message now; it is delivered again unless it was deleted",
  unauthorized:
    "check the key, the SAS's expiry and permissions, or the role Storage Queue Data Contributor; without the right to create queues set createQueues: false",
  "not-found": "create the queue, or allow createQueues, or correct the prefix or names",
  "too-large": "a message takes 64 KiB after encoding; send less, or publish a reference",
  invalid: "the service will never take this; the cause holds its answer",
  closed: "open a new one",
  unknown: "the cause holds what the SDK said",
};

/** The SDK's own message is no more than "Unexpected status code: 403": this says what was done, where, and what was answered. */
export function failedCall(doing: string, queue: string, error: unknown): unknown {
  const { code, statusCode, name, message } = (error ?? {}) as Record<string, unknown>;
  if (name === "AbortError" || code === "WB_STORAGE_QUEUE_CLOSED") return error;
  const words =
    typeof code === "string"
      ? code
      : typeof statusCode === "number"
        ? undefined
        : maskSecrets(String(message ?? error));
  const status = typeof statusCode === "number" ? `HTTP ${statusCode}` : undefined;
  const kind = classify(error);
  const answer = [words, status].filter((part) => part !== undefined).join(", ");
  return storageQueueErrors.WB_STORAGE_QUEUE_CALL(
    { doing, queue, answer, kind, advice: tlsAdvice(error) ?? ADVICE[kind] },
    error,
  );
}
