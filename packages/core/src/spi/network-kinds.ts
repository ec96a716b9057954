import type { ErrorKind } from "./outcome.ts";

/**
 * By the `code` of an error: connections that were not made or were cut, names that were not resolved. It passes by itself, of names too: a name server
 * that is away says the same of every name. A `classify` takes them into its own table.
 */
export const NETWORK_KINDS: Readonly<Record<string, ErrorKind>> = {
  ETIMEDOUT: "transient",
  ESOCKETTIMEDOUT: "transient",
  ECONNREFUSED: "transient",
  ECONNRESET: "transient",
  ECONNABORTED: "transient",
  EHOSTUNREACH: "transient",
  EHOSTDOWN: "transient",
  ENETUNREACH: "transient",
  ENETRESET: "transient",
  ENETDOWN: "transient",
  EADDRNOTAVAIL: "transient",
  ENOTFOUND: "transient",
  EAI_AGAIN: "transient",
  EPIPE: "transient",
};
