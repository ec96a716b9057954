/** The door for those who write an adapter. Applications import from `@waybill/core`. */

export { type Clock, sleep, systemClock, type Timer } from "../clock.ts";
export { decodeDeadLetter, encodeDeadLetter } from "../codec/dead-letter.ts";
export { HEADER } from "../codec/headers.ts";
export { defineErrors } from "../errors/define-errors.ts";
export { isWaybillError, WaybillError } from "../errors/waybill-error.ts";
export type * from "./adapter.ts";
export type * from "./capabilities.ts";
export type * from "./delivery.ts";
export { deadTopic, ownTopic } from "./destinations.ts";
export * from "./handoff.ts";
export * from "./naming.ts";
export * from "./outcome.ts";
export * from "./wire-message.ts";
