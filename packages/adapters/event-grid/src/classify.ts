import { type ErrorKind, kindWithin, maskSecrets, NETWORK_KINDS, statusKind, tlsAdvice } from "@waybill/core/spi";
import { eventGridErrors } from "./errors.ts";

/** Of an answer: as many are read, and repeated in an error of ours. */
const MAX_WORDS = 300;

/** Codes of the service for one lock token, Node's network codes, and our own. What stands here wins over the status. */
const BY_CODE: Readonly<Record<string, ErrorKind>> = {
  ...NETWORK_KINDS,
  BadToken: "lost",
  TokenLost: "lost",
  InternalServerError: "transient",
  // An answer cut off half-way.
  PARSE_ERROR: "transient",
  REQUEST_SEND_ERROR: "transient",
  WB_EVENT_GRID_LOST: "lost",
  WB_EVENT_GRID_TOO_LARGE: "too-large",
  WB_EVENT_GRID_MESSAGE: "invalid",
  WB_EVENT_GRID_OPTION: "invalid",
  WB_EVENT_GRID_NAME: "invalid",
  WB_EVENT_GRID_REJECT: "invalid",
  WB_EVENT_GRID_CREDENTIALS: "unauthorized",
  WB_EVENT_GRID_UNDECLARED: "not-found",
  WB_EVENT_GRID_CLOSED: "closed",
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

/** 410 is documented of a publish to a namespace topic that is gone. */
const BY_STATUS: Readonly<Record<number, ErrorKind>> = { 410: "not-found" };

/**
 * A namespace answers 403 to a publish beyond a quota and to one that is too large, and the service to a client that its network rules keep out. The code is `Forbidden` each
 * time, and so the words have to tell them apart.
 */
const BY_WORDS_OF_403: readonly (readonly [words: RegExp, kind: ErrorKind])[] = [
  [/quota|throttl|throughput|too many requests/i, "throttled"],
  [/too large|maximum size|size limit/i, "too-large"],
];

const byWordsOf403 = (words: string) => BY_WORDS_OF_403.find(([pattern]) => pattern.test(words))?.[1];

function kindOf(error: object): ErrorKind | undefined {
  const { code, statusCode, errno, name, message } = error as Record<string, unknown>;
  for (const word of [code, errno]) {
    if (typeof word === "string" && Object.hasOwn(BY_CODE, word)) return BY_CODE[word];
  }
  if (typeof name === "string" && Object.hasOwn(BY_NAME, name)) return BY_NAME[name];
  if (typeof statusCode !== "number" || statusCode < 400) return undefined;
  const told = statusCode === 403 ? byWordsOf403(`${code} ${String(message).slice(0, MAX_WORDS)}`) : undefined;
  return told ?? BY_STATUS[statusCode] ?? statusKind(statusCode);
}

/** What an error of the SDK, of the network or of this adapter means. The outermost error that says something wins. Never throws. */
export const classify = (error: unknown): ErrorKind => kindWithin(error, kindOf);

const ADVICE: Readonly<Record<ErrorKind, string>> = {
  transient: "it passes by itself; if it does not, check the network and the endpoint",
  throttled: "the throughput units or the topic's limit are used up; publish less, or add units",
  lost: "another consumer may have the event now; it is delivered again unless it was acknowledged",
  unauthorized:
    "check the key, the SAS's expiry and resource, or the roles EventGrid Data Sender and EventGrid Data Receiver; a key works only where local authentication is on; behind HTTP 403 can be the IP firewall or a private endpoint, too",
  "not-found":
    "create the topic and its event subscription (waybill topology plan prints the az commands), or correct the prefix or names",
  "too-large": "a request takes 1 MB; send less, or publish a reference",
  invalid: "the service will never take this",
  closed: "open a new one",
  unknown: "the cause holds what the client said",
};

/** Says what was done, where, and what was answered. The cause keeps codes and words alone: the client's own error holds the request with its credentials. */
export function failedCall(doing: string, place: string, error: unknown): unknown {
  const { code, statusCode, name, message } = (error ?? {}) as Record<string, unknown>;
  if (name === "AbortError" || code === "WB_EVENT_GRID_CLOSED") return error;
  const words = maskSecrets(String(message ?? error))
    .slice(0, MAX_WORDS)
    .replace(/\.$/, "");
  const parts = [
    typeof statusCode === "number" ? `HTTP ${statusCode}` : undefined,
    typeof code === "string" && !words.includes(code) ? code : undefined,
    words,
  ];
  const kind = classify(error);
  const cause = Object.assign(new Error(words), { name: String(name ?? "Error"), code, statusCode });
  const answer = parts.filter((part) => part !== undefined && part !== "").join(", ");
  return eventGridErrors.WB_EVENT_GRID_CALL(
    { doing, place, answer, kind, advice: tlsAdvice(error) ?? ADVICE[kind] },
    cause,
  );
}
