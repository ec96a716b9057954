export { type BlobDeadLettersOptions, blobDeadLetters } from "./blob-dead-letters.ts";
export type {
  DomainConfig as EventGridDomainConfig,
  EventGridConfig,
  EventSubscriptionConfig,
  NamespaceConfig as EventGridNamespaceConfig,
  NamespaceSubscriptionConfig,
  NamespaceTopicConfig,
  PartnerNamespaceConfig,
  TopicConfig as EventGridTopicConfig,
} from "./config.ts";
export type { EventGridControl, SubscriptionView as EventGridSubscriptionView } from "./control.ts";
export type { DeadLetterWriter } from "./dead-letters.ts";
export type { DeliverySchema, EventSchema, InputSchema } from "./events/accepted-event.ts";
export type { InputSchemaMapping } from "./events/custom-event.ts";
export type { AdvancedFilter } from "./filters/advanced-filter.ts";
export type { EventFilter } from "./filters/event-filter.ts";
export type { PullEntryView } from "./pull/pull-queue.ts";
export type { DeliveryAttributeMapping } from "./push/delivery-attributes.ts";
export type {
  AzureDelivery,
  AzureDestination,
  AzureSend,
  Destination as EventGridDestination,
  WebHookDestination,
} from "./push/destination.ts";
export type { PushEntryView } from "./push/push-queue.ts";
export { type EventGridEmulator, type EventGridEmulatorOptions, startEventGridEmulator } from "./start.ts";
