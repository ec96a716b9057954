import { randomUUID } from "node:crypto";
import type { WireMessage } from "@waybill/core/spi";
import { toMessage } from "../mapping.ts";

export interface DeliveredBody {
  readonly contentType: string | undefined;
  readonly bytes: Uint8Array;
  /** Of the request, by lower-case name; for events in binary mode. */
  readonly headers: Iterable<readonly [name: string, value: string]>;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The events of one request: a CloudEvent in structured or binary mode, a batch of them, or events in the Event Grid schema, which become CloudEvents the way the
 * service itself makes them. What is none of these is one message all the same: somebody who may send has sent it, and core keeps it as a dead letter.
 */
export function readEvents(delivered: DeliveredBody): readonly WireMessage[] {
  const binary = binaryEvent(delivered);
  if (binary !== undefined) return [binary];
  const { bytes, contentType } = delivered;
  try {
    const parsed: unknown = JSON.parse(utf8.decode(bytes));
    const all = Array.isArray(parsed) ? parsed : [parsed];
    if (all.length > 0) return all.map(messageOf);
  } catch {
    // No JSON, no UTF-8, or nested beyond what can be written again.
  }
  return [{ id: randomUUID(), body: bytes, headers: {}, contentType }];
}

function messageOf(value: unknown): WireMessage {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { id: randomUUID(), body: Buffer.from(JSON.stringify(value)), headers: {} };
  }
  const event = value as Readonly<Record<string, unknown>>;
  const isEventGrid = event.specversion === undefined && typeof event.eventType === "string";
  return toMessage(isEventGrid ? toCloudEvent(event) : event);
}

/** As the service maps it; the version of the data's schema stays as an extension. */
function toCloudEvent({
  id,
  topic,
  subject,
  eventType,
  eventTime,
  data,
  dataVersion,
}: Readonly<Record<string, unknown>>) {
  return {
    specversion: "1.0",
    ...(id === undefined ? {} : { id }),
    source: typeof topic === "string" && topic !== "" ? topic : "/",
    type: eventType,
    ...(isText(subject) ? { subject } : {}),
    ...(isText(eventTime) ? { time: eventTime } : {}),
    ...(isText(dataVersion) ? { dataversion: dataVersion } : {}),
    ...(data === undefined ? {} : { data }),
  };
}

const isText = (value: unknown) => typeof value === "string" && value !== "";

/** Attributes in `ce-` headers, percent-encoded. */
function binaryEvent({ headers, bytes, contentType }: DeliveredBody): WireMessage | undefined {
  const attributes = [...headers]
    .filter(([name]) => name.startsWith("ce-"))
    .map(([name, value]) => [`ce_${name.slice(3)}`, decoded(value)]);
  const event: Record<string, string> = Object.fromEntries(attributes);
  if (event.ce_specversion === undefined) return undefined;
  return { id: event.ce_id ?? "", key: event.ce_partitionkey, body: bytes, headers: event, contentType };
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
