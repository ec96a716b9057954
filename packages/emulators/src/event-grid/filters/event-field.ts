import type { AcceptedEvent } from "../events/accepted-event.ts";
import { asNumber } from "../events/parse-json.ts";

/** The service's names for what CloudEvents calls otherwise. */
const CLOUD_EVENT_NAMES: Readonly<Record<string, string>> = {
  eventid: "id",
  eventtype: "type",
  eventtypeversion: "dataschema",
};

const EVENT_GRID_NAMES: Readonly<Record<string, string>> = {
  id: "id",
  topic: "topic",
  subject: "subject",
  eventtype: "eventType",
  dataversion: "dataVersion",
};

export type FieldValue = string | number | boolean | null | undefined | readonly unknown[] | object;

/** The value that a filter's key points at. Undefined when the event has no such field. */
export function fieldOf(event: AcceptedEvent, key: string): FieldValue {
  const [first = "", ...rest] = key.split(".");
  const name = first.toLowerCase();
  if (name === "data") return walk(event.attributes.data, rest);
  if (rest.length > 0) return undefined;
  const isCloudEvent = event.schema === "CloudEventSchemaV1_0";
  const attribute = (isCloudEvent ? CLOUD_EVENT_NAMES : EVENT_GRID_NAMES)[name] ?? (isCloudEvent ? name : first);
  return own(event.attributes, attribute);
}

function walk(data: unknown, path: readonly string[]): FieldValue {
  let value: unknown = data;
  for (const name of path) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    value = own(value, name);
  }
  return asNumber(value) ?? (value as FieldValue);
}

const own = (holder: object, name: string): FieldValue => {
  if (!Object.hasOwn(holder, name)) return undefined;
  const value = (holder as Record<string, unknown>)[name];
  return asNumber(value) ?? (value as FieldValue);
};
