import type { Content } from "../broker/content.ts";
import { systemProperty, userProperty } from "./system-properties.ts";

/** Every given field must equal the message's; texts are compared with regard to case. */
export interface CorrelationFilter {
  readonly correlationId?: string | undefined;
  readonly messageId?: string | undefined;
  readonly to?: string | undefined;
  readonly replyTo?: string | undefined;
  readonly subject?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly replyToSessionId?: string | undefined;
  readonly contentType?: string | undefined;
  readonly properties?: ReadonlyMap<string, unknown> | undefined;
}

export const CORRELATION_FIELDS = [
  "correlationId",
  "messageId",
  "to",
  "replyTo",
  "subject",
  "sessionId",
  "replyToSessionId",
  "contentType",
] as const;

export function matchesCorrelation(filter: CorrelationFilter, content: Content): boolean {
  for (const field of CORRELATION_FIELDS) {
    const wanted = filter[field];
    if (wanted === undefined) continue;
    const found = systemProperty(content, field);
    if (found === undefined || String(found) !== wanted) return false;
  }
  for (const [name, wanted] of filter.properties ?? []) if (!same(wanted, userProperty(content, name))) return false;
  return true;
}

function same(wanted: unknown, found: unknown): boolean {
  if (wanted instanceof Date && found instanceof Date) return wanted.getTime() === found.getTime();
  const isNumeric = (value: unknown) => typeof value === "number" || typeof value === "bigint";
  // biome-ignore lint/suspicious/noDoubleEquals: a number and a bigint of the same value are equal
  return isNumeric(wanted) && isNumeric(found) ? wanted == found : wanted === found;
}
