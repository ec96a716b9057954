/** The door for those who write an adapter. Applications import from `@waybill/core`. */

export { type Clock, sleep, systemClock, type Timer } from "../clock.ts";
export type { Codec, Decoded } from "../codec/codec.ts";
export { createCodec } from "../codec/create-codec.ts";
export { decodeDeadLetter, encodeDeadLetter } from "../codec/dead-letter-record.ts";
export { type Bookkeeping, HEADER } from "../codec/headers.ts";
export { defineErrors, type ErrorTable } from "../errors/define-errors.ts";
export { maskSecrets, redacted } from "../errors/redacted.ts";
export { isWaybillError, WaybillError } from "../errors/waybill-error.ts";
export { checkAttributes } from "../events/check-attributes.ts";
export { checkEvents } from "../events/check-events.ts";
export { isNewEvent } from "../events/define-event.ts";
export { toCloudEvent } from "../events/to-cloud-event.ts";
export { retryDelayMs } from "../policies/retry.ts";
export type * from "./adapter.ts";
export { type Call, createCall } from "./call.ts";
export type * from "./capabilities.ts";
export type * from "./claim-store.ts";
export type * from "./delivery.ts";
export type * from "./description.ts";
export { deadTopic, ownTopic } from "./destinations.ts";
export * from "./handoff.ts";
export { kindWithin } from "./kind-within.ts";
export * from "./naming.ts";
export * from "./outcome.ts";
export { isCertificateTrouble, tlsAdvice } from "./tls-advice.ts";
export type * from "./topology.ts";
export * from "./wire-message.ts";
