import type { AcceptedEvent } from "../events/accepted-event.ts";
import { fieldOf } from "../filters/event-field.ts";
import { configProblem } from "../problem.ts";

/** ARM's `deliveryAttributeMappings`: headers of a webhook delivery, properties of a Service Bus or Event Hubs message. */
export type DeliveryAttributeMapping =
  | {
      readonly name: string;
      readonly type: "Static";
      readonly properties: { readonly value: string; readonly isSecret?: boolean };
    }
  | { readonly name: string; readonly type: "Dynamic"; readonly properties: { readonly sourceField: string } };

const MAX_MAPPINGS = 10;
const MAX_VALUE_BYTES = 4096;
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

export function checkDeliveryAttributes(mappings: readonly DeliveryAttributeMapping[]): void {
  if (mappings.length > MAX_MAPPINGS)
    throw configProblem(`A subscription has at most ${MAX_MAPPINGS} delivery attributes.`);
  for (const { name, type, properties } of mappings) {
    if (!HEADER_NAME.test(name)) throw configProblem(`'${name}' is no name for a delivery attribute.`);
    if (/^(aeg-|content-length$|host$|transfer-encoding$)/i.test(name))
      throw configProblem(`The delivery attribute '${name}' belongs to the service.`);
    if (
      type === "Static" &&
      (Buffer.byteLength(properties.value) > MAX_VALUE_BYTES || !isHeaderValue(properties.value))
    )
      throw configProblem(`The delivery attribute '${name}' must have at most ${MAX_VALUE_BYTES} printable bytes.`);
  }
}

/** What an event does not have, or a header cannot carry, is left out. */
export function deliveryAttributes(
  mappings: readonly DeliveryAttributeMapping[],
  event: AcceptedEvent,
): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const mapping of mappings) {
    const value = mapping.type === "Static" ? mapping.properties.value : fieldOf(event, mapping.properties.sourceField);
    if (value === undefined || value === null || typeof value === "object") continue;
    if (isHeaderValue(String(value))) attributes[mapping.name] = String(value).slice(0, MAX_VALUE_BYTES);
  }
  return attributes;
}

export const isHeaderValue = (value: string): boolean => /^[\x20-\x7e]*$/.test(value);
