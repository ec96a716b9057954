import {
  type Entries,
  type Entry,
  entry,
  PROPERTY,
  readProperties,
  readSections,
  type Sections,
  withProperties,
} from "../../amqp/sections.ts";
import { newUuidText } from "../lock-token.ts";

/** A message as a broker sees it. Immutable: a change makes a new one. */
export interface Content {
  readonly sections: Sections;
  /** Decoded, by position. */
  readonly properties: readonly unknown[];
  readonly messageId: string;
  readonly sessionId: string | undefined;
  readonly partitionKey: string | undefined;
  readonly ttlMs: number;
  /** Present when it is to appear later. */
  readonly notBefore: number | undefined;
  /** Bytes, as sent. */
  readonly size: number;
}

/** Reads an encoded message. Throws `amqp:decode-error`. A message without an id gets one, as the service does. */
export function readContent(bytes: Buffer): Content {
  const sections = readSections(bytes);
  const fields = readProperties(sections.properties);
  if (idOf(fields) !== "") return fromSections(sections, bytes.length, fields);
  const id = newUuidText();
  const properties = withProperties(sections.properties, new Map([[PROPERTY.messageId, id]]));
  return fromSections({ ...sections, properties }, bytes.length, [id, ...fields.slice(1)]);
}

const idOf = (properties: readonly unknown[]) => String(properties[PROPERTY.messageId] ?? "");

/** `properties` are those of the section, decoded. */
export function fromSections(
  sections: Sections,
  size: number,
  properties: readonly unknown[] = readProperties(sections.properties),
): Content {
  const groupId = properties[PROPERTY.groupId];
  const partitionKey = sections.annotations.get("x-opt-partition-key")?.value;
  const scheduled = sections.annotations.get("x-opt-scheduled-enqueue-time")?.value;
  const at = scheduled instanceof Date ? scheduled.getTime() : scheduled;
  const expiry = properties[PROPERTY.absoluteExpiryTime];
  const created = properties[PROPERTY.creationTime];
  const absolute = expiry instanceof Date && created instanceof Date ? expiry.getTime() - created.getTime() : undefined;
  return {
    sections,
    properties,
    messageId: idOf(properties),
    sessionId: typeof groupId === "string" ? groupId : undefined,
    partitionKey: typeof partitionKey === "string" ? partitionKey : undefined,
    // The header's ttl is 32 bits; a longer life is told by the two times.
    ttlMs: Math.max(sections.header.ttlMs ?? 0, absolute ?? 0) || Number.POSITIVE_INFINITY,
    notBefore: typeof at === "number" && Number.isFinite(at) ? at : undefined,
    size,
  };
}

/** The message with application properties set; `undefined` removes one. */
export function withApplicationProperties(content: Content, changes: ReadonlyMap<string, Entry | undefined>): Content {
  if (changes.size === 0) return content;
  const next = new Map<string, Entry>(content.sections.applicationProperties);
  for (const [key, change] of changes) {
    if (change === undefined) next.delete(key);
    else next.set(key, change);
  }
  return { ...content, sections: { ...content.sections, applicationProperties: next as Entries } };
}

export const asEntries = (values: Iterable<readonly [unknown, unknown]>): Map<string, Entry> =>
  new Map([...values].map(([key, value]) => [String(key), entry(value)]));
