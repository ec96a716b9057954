import { isWaybillError } from "@waybill/core";
import { NETWORK_KINDS } from "@waybill/core/spi";

/** Codes that speak of the way to the broker and not of an event: ours, and those of the network. */
const CODES = new Set([
  "WB_PUBLISH_TIMEOUT",
  "WB_PUBLISH_BUFFER_FULL",
  "WB_PUBLISH_ABORTED",
  "WB_CLOSED",
  "WB_TOPIC_UNROUTED",
  ...Object.keys(NETWORK_KINDS),
]);

/** How deep causes are followed. */
const DEPTH = 5;

/** True when the error says that the broker was not reached: no fault of the event, however often it happens. */
export function isUnreachable(error: unknown): boolean {
  let current = error;
  for (let depth = 0; depth < DEPTH && typeof current === "object" && current !== null; depth++) {
    const { code, cause } = current as { code?: unknown; cause?: unknown };
    if (typeof code === "string" && CODES.has(code)) return true;
    // A Waybill error's own code decides; what caused it is detail.
    if (isWaybillError(current)) return false;
    current = cause;
  }
  return false;
}
