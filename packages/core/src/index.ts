export type { ConsumeMiddleware, Handler, HandlerContext } from "./consume/handler.ts";
export type { Inbox, InboxKey } from "./consume/inbox.ts";
export type { SubscribeOptions } from "./consume/subscribe-options.ts";
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
export type { RetryOptions } from "./policies/retry.ts";
export type { Publisher, PublishOptions } from "./publish/publisher.ts";
