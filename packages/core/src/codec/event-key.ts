import type { RawCloudEvent } from "../events/cloud-event.ts";

/** What decides the order of an event on the wire. A key that a foreign producer wrote as a number counts as its text. */
export function keyOf(event: RawCloudEvent): string | undefined {
  const key: unknown = event.partitionkey;
  return typeof key === "string" || key === undefined || key === null ? (key ?? undefined) : String(key);
}
