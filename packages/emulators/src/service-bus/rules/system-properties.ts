import { PROPERTY } from "../../amqp/sections.ts";
import type { Content } from "../broker/content.ts";

/** Properties of a message that an expression reaches with `sys.`; those with a position can be set by an action. */
const POSITIONS: Readonly<Record<string, number>> = {
  messageid: PROPERTY.messageId,
  to: PROPERTY.to,
  label: PROPERTY.subject,
  subject: PROPERTY.subject,
  replyto: PROPERTY.replyTo,
  correlationid: PROPERTY.correlationId,
  contenttype: PROPERTY.contentType,
  sessionid: PROPERTY.groupId,
  replytosessionid: PROPERTY.replyToGroupId,
};

const READ_ONLY: Readonly<Record<string, (content: Content) => unknown>> = {
  partitionkey: (content) => content.partitionKey,
  timetolive: (content) => (content.ttlMs === Number.POSITIVE_INFINITY ? undefined : content.ttlMs / 1000),
  scheduledenqueuetimeutc: (content) => content.sections.annotations.get("x-opt-scheduled-enqueue-time")?.value,
  enqueuedtimeutc: () => undefined,
  expiresatutc: () => undefined,
  sequencenumber: () => undefined,
  enqueuedsequencenumber: () => undefined,
  deliverycount: () => 0,
  size: (content) => content.size,
};

const has = (table: object, name: string) => Object.hasOwn(table, name);

export const isSystemProperty = (name: string): boolean =>
  has(POSITIONS, name.toLowerCase()) || has(READ_ONLY, name.toLowerCase());

/** The position in the properties section, of those that can be set. */
export const settablePosition = (name: string): number | undefined =>
  has(POSITIONS, name.toLowerCase()) ? POSITIONS[name.toLowerCase()] : undefined;

export function systemProperty(content: Content, name: string): unknown {
  const lower = name.toLowerCase();
  const position = settablePosition(lower);
  if (position !== undefined) return content.properties[position] ?? undefined;
  return has(READ_ONLY, lower) ? READ_ONLY[lower]!(content) : undefined;
}

/** User properties' names are compared without regard to case, an exact one first. */
export function userProperty(content: Content, name: string): unknown {
  const { applicationProperties } = content.sections;
  const exact = applicationProperties.get(name);
  if (exact !== undefined) return exact.value ?? undefined;
  const lower = name.toLowerCase();
  for (const [key, { value }] of applicationProperties) if (key.toLowerCase() === lower) return value ?? undefined;
  return undefined;
}
