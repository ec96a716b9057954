import type { DeadLetterReason } from "../spi/delivery.ts";
import type { Headers, WireMessage } from "../spi/wire-message.ts";
import type { DeadLetter } from "./dead-letter.ts";
import { readReason, reasonEntries } from "./dead-letter-reason.ts";
import { utf8Text } from "./utf8.ts";

/**
 * A header of the original that has one of our names, because the original is a dead letter itself or a foreign producer likes the
 * name: it gets this prefix for the time being (again and again, if need be), so that it is there when the record is opened.
 */
const SET_ASIDE = "wbo";
const OURS = /^(?:wbo)*wb(?:reason|error|attempts|topic|subscription|firstfailure|time)$/i;

/** The original's headers and the reason's. */
export function recordHeaders(original: Headers, reason: DeadLetterReason): Headers {
  const kept = Object.entries(original).map(([name, value]) => [OURS.test(name) ? SET_ASIDE + name : name, value]);
  // fromEntries defines properties, so that a header named `__proto__` is one.
  return Object.fromEntries([...kept, ...reasonEntries(reason)]);
}

/** The inverse, also where the broker changed the case of names; undefined for what has no `wbreason` header. */
export function splitRecordHeaders(record: WireMessage): DeadLetter | undefined {
  const ours = new Map<string, string | undefined>();
  const kept: [string, string | Uint8Array][] = [];
  for (const [name, value] of Object.entries(record.headers)) {
    if (!OURS.test(name)) kept.push([name, value]);
    else if (name.slice(0, SET_ASIDE.length) === SET_ASIDE) kept.push([name.slice(SET_ASIDE.length), value]);
    else ours.set(name.toLowerCase(), typeof value === "string" ? value : utf8Text(value));
  }
  const reason = readReason((name) => ours.get(name));
  return reason && { original: { ...record, headers: Object.fromEntries(kept) }, reason };
}
