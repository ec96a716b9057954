import { isBookkeepingName } from "./bookkeeping.ts";
import { undecodable } from "./undecodable.ts";

const OPTIONAL = new Set(["subject", "time", "dataschema", "datacontenttype", "partitionkey"]);

/**
 * Whether a received attribute counts. CloudEvents has no empty subject, time, schema or key: some producers write one, and it is read as
 * unset. Bookkeeping is never part of an event.
 */
export function isPresent(name: string, text: string): boolean {
  if (text === "") return !OPTIONAL.has(name);
  return !name.startsWith("wb") || !isBookkeepingName(name);
}

/** Refuses what is no CloudEvents 1.0 event, before anything else is said about it. */
export function checkVersion(specversion: unknown): void {
  if (specversion === "1.0") return;
  if (specversion === undefined || specversion === null) throw missing("specversion");
  if (typeof specversion !== "string") throw undecodable("its specversion is no text");
  throw undecodable(`its specversion is ${JSON.stringify(specversion.slice(0, 40))}, and only "1.0" is read`);
}

/** Refuses an event without what every event has; the other attributes a foreign producer may have written as it likes. */
export function checkRequired(event: Readonly<Record<string, unknown>>): void {
  if (event.id === undefined || event.id === "") throw missing("id");
  if (event.source === undefined || event.source === "") throw missing("source");
  if (event.type === undefined || event.type === "") throw missing("type");
}

function missing(name: string): Error {
  return undecodable(`it has no ${name}`);
}
