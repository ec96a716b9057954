import type { AttributeValue } from "../events/cloud-event.ts";
import { isContextAttribute } from "./attribute-name.ts";

/**
 * Adds one entry to the text of the `wbtypes` header. A header is text, so `true` and `"true"` look alike in it: the types of
 * extension values that are no text stand here. An event with data and text values only has no such header.
 */
export function addType(types: string, name: string, value: AttributeValue): string {
  if (typeof value === "string") return types;
  const entry = typeof value === "number" ? `${name}=i` : `${name}=b`;
  return types === "" ? entry : `${types},${entry}`;
}

/** No bytes are a legal text and a legal file, and some brokers carry nothing else where there is no data: this entry says which it was. */
const NO_DATA = "data=n";

/** Adds to the text of the `wbtypes` header that the event has no data. No attribute can be named `data`. */
export const addNoData = (types: string): string => (types === "" ? NO_DATA : `${types},${NO_DATA}`);

export const saysNoData = (types: string | undefined): boolean => types?.split(",").includes(NO_DATA) === true;

/**
 * Gives the extension values of an event that was read from headers their types back. Whatever does not fit (another producer may
 * have changed a value and kept the header) stays text.
 */
export function restoreTypes(event: Record<string, unknown>, types: string): void {
  for (const entry of types.split(",")) {
    const name = entry.slice(0, -2);
    const value = Object.hasOwn(event, name) && !isContextAttribute(name) ? event[name] : undefined;
    if (typeof value !== "string") continue;
    if (entry.endsWith("=i")) {
      const number = Number(value) | 0;
      if (String(number) === value) event[name] = number;
    } else if (entry.endsWith("=b") && (value === "true" || value === "false")) {
      event[name] = value === "true";
    }
  }
}
