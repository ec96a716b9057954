import { isWaybillError } from "@waybill/core";

/** Errors of the event itself: no later try can end otherwise. */
const PERMANENT = new Set(["WB_EVENT_TOO_LARGE", "WB_EVENT_INVALID", "WB_EVENT_ATTRIBUTE", "WB_DATA_UNSERIALIZABLE"]);

/** True when publishing the same event again can never succeed. Everything else is tried again: a missing topic can be created. */
export function isPermanent(error: unknown): boolean {
  return isWaybillError(error) && PERMANENT.has(error.code);
}
