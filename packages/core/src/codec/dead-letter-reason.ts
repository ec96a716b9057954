import type { DeadLetterReason } from "../spi/delivery.ts";
import { readCount } from "./bookkeeping.ts";
import { HEADER } from "./headers.ts";

/** A reason as names and texts, for headers and for the wrapper alike. `wbreason` comes first: it is what marks a record. */
export function reasonEntries(reason: DeadLetterReason): [name: string, text: string][] {
  return [
    [HEADER.reason, reason.reason],
    [HEADER.error, reason.error],
    [HEADER.attempts, String(reason.attempts)],
    [HEADER.topic, reason.topic],
    [HEADER.subscription, reason.subscription],
    [HEADER.firstFailure, reason.firstFailure],
    [HEADER.time, reason.time],
  ];
}

/** The inverse of {@link reasonEntries}; undefined where there is no `wbreason`. */
export function readReason(get: (name: string) => unknown): DeadLetterReason | undefined {
  const text = (name: string): string => {
    const value = get(name);
    return typeof value === "string" ? value : "";
  };
  if (text(HEADER.reason) === "") return undefined;
  return {
    reason: text(HEADER.reason),
    error: text(HEADER.error),
    attempts: readCount(text(HEADER.attempts)) ?? 0,
    topic: text(HEADER.topic),
    subscription: text(HEADER.subscription),
    firstFailure: text(HEADER.firstFailure),
    time: text(HEADER.time),
  };
}

/** A reason of one-line texts that every wire can carry, XML and header fields included. */
export function cleanReason(reason: DeadLetterReason): DeadLetterReason {
  return {
    reason: clean(reason.reason),
    error: clean(reason.error),
    attempts: reason.attempts,
    topic: clean(reason.topic),
    subscription: clean(reason.subscription),
    firstFailure: clean(reason.firstFailure),
    time: clean(reason.time),
  };
}

function clean(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\t\n\r]/g, " ")
    .replace(/\p{Cc}|[\ufffe\uffff]/gu, "\ufffd");
}
