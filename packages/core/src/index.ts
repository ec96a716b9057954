export { type Bus, type BusOptions, createBus } from "./bus.ts";
export type { ClaimCheckOptions } from "./claim-check/claim-check.ts";
export { type Clock, systemClock, type Timer } from "./clock.ts";
export type { Serializer } from "./codec/codec.ts";
export { type Assessment, type AssessOptions, assess, type Finding, type RetryStep } from "./consume/assess.ts";
export { PermanentError, RetryLaterError } from "./consume/give-up.ts";
export type { Guarantee } from "./consume/guarantee.ts";
export type { ConsumeMiddleware, Handler, HandlerContext } from "./consume/handler.ts";
export type { Inbox, InboxKey } from "./consume/inbox.ts";
export type { ProcessResult } from "./consume/process-once.ts";
export type { SubscribeOptions } from "./consume/subscribe-options.ts";
export type { DrainOptions, Subscription } from "./consume/subscription.ts";
export type { DeadLetters, RedriveSelection } from "./dead-letters/dead-letters.ts";
export type { DeadLetterRecord } from "./dead-letters/record.ts";
export type { DeadLetterSelection } from "./dead-letters/walk.ts";
export { isWaybillError, WaybillError } from "./errors/waybill-error.ts";
export type { AttributeValue, CloudEvent, RawCloudEvent } from "./events/cloud-event.ts";
export { extension } from "./events/cloud-event.ts";
export {
  defineEvent,
  type EventDefinition,
  type EventDefinitionOptions,
  type EventOptions,
  type NewEvent,
} from "./events/define-event.ts";
export {
  type AnyEventDefinition,
  defineTopic,
  type EventOf,
  type NewEventOf,
  type ReceivedEvent,
  type TopicDefinition,
} from "./events/define-topic.ts";
export type { Observer, Place, Seen } from "./observe/observer.ts";
export { type TelemetryOptions, telemetry } from "./observe/telemetry.ts";
export type { RetryOptions } from "./policies/retry.ts";
export type { Outgoing, PublishHandler, PublishMiddleware } from "./publish/bus-publisher.ts";
export type { WriterOptions } from "./publish/message-writer.ts";
export { PublishError } from "./publish/publish-error.ts";
export type { Publisher, PublishOptions } from "./publish/publisher.ts";
export type { Outcome } from "./spi/outcome.ts";
export type { WireMessage } from "./spi/wire-message.ts";
