import type { DeadLetterWriter } from "./dead-letters.ts";
import type { DeliverySchema, InputSchema } from "./events/accepted-event.ts";
import type { InputSchemaMapping } from "./events/custom-event.ts";
import { checkFilter, type EventFilter } from "./filters/event-filter.ts";
import { configProblem } from "./problem.ts";
import { checkDeliveryAttributes } from "./push/delivery-attributes.ts";
import type { Destination } from "./push/destination.ts";
import { parseDuration } from "./timing.ts";

/** A custom topic. Names of properties and values are ARM's where ARM has them. */
export interface TopicConfig {
  /** 3–50 letters, digits and hyphens. */
  readonly name: string;
  /** What publishers send. Default CloudEventSchemaV1_0; a topic takes one schema and refuses the other. */
  readonly inputSchema?: InputSchema | undefined;
  /** Of a CustomEventSchema, which needs it. */
  readonly inputSchemaMapping?: InputSchemaMapping | undefined;
  readonly subscriptions?: readonly EventSubscriptionConfig[] | undefined;
}

/** An event domain: many topics behind one endpoint. Each event names its topic, as `topic` in the Event Grid schema and `source` of a CloudEvent. */
export interface DomainConfig extends TopicConfig {
  /** Those of the domain itself get every event. */
  readonly subscriptions?: readonly EventSubscriptionConfig[] | undefined;
  /** Topics that have subscriptions of their own: what is sent to others, none but the domain's get. */
  readonly topics?: readonly Pick<TopicConfig, "name" | "subscriptions">[] | undefined;
}

/** Where a partner publishes CloudEvents, naming a channel with each request. A channel's subscriptions are those of the customer's partner topic. */
export interface PartnerNamespaceConfig {
  readonly name: string;
  readonly channels: readonly Pick<TopicConfig, "name" | "subscriptions">[];
}

interface SubscriptionBase {
  /** 3–64 letters, digits and hyphens. */
  readonly name: string;
  readonly filter?: EventFilter | undefined;
  /** Absent: what cannot be delivered is dropped. The function, or its name among the emulator's `deadLetters`. */
  readonly deadLetter?: DeadLetterWriter | string | undefined;
}

export interface EventSubscriptionConfig extends SubscriptionBase {
  readonly destination: Destination;
  /** Default: as the topic takes them; of a CustomEventSchema, the Event Grid schema. Those two can be delivered as CloudEvents, not the other way. */
  readonly eventDeliverySchema?: DeliverySchema | undefined;
  readonly retryPolicy?: {
    /** 1–30, default 30. */
    readonly maxDeliveryAttempts?: number | undefined;
    /** 1–1440, default 1440. */
    readonly eventTimeToLiveInMinutes?: number | undefined;
  };
}

export interface NamespaceConfig {
  readonly name: string;
  readonly topics: readonly NamespaceTopicConfig[];
}

export interface NamespaceTopicConfig {
  readonly name: string;
  readonly subscriptions?: readonly NamespaceSubscriptionConfig[] | undefined;
}

export interface NamespaceSubscriptionConfig extends SubscriptionBase {
  /** Above 0, at most 300, default 60. The service's least is 60. */
  readonly receiveLockDurationInSeconds?: number | undefined;
  /** 1–10, default 10. */
  readonly maxDeliveryCount?: number | undefined;
  /** ISO 8601, PT1M–P7D, default P7D. */
  readonly eventTimeToLive?: string | undefined;
  /** Given: events are pushed there. Absent: they wait to be received. */
  readonly destination?: Destination | undefined;
}

export interface EventGridConfig {
  readonly topics?: readonly TopicConfig[] | undefined;
  readonly domains?: readonly DomainConfig[] | undefined;
  readonly partnerNamespaces?: readonly PartnerNamespaceConfig[] | undefined;
  readonly namespaces?: readonly NamespaceConfig[] | undefined;
}

export function checkTopicName(name: unknown): string {
  if (typeof name !== "string" || !/^[A-Za-z0-9-]{3,50}$/.test(name))
    throw configProblem("A topic's or namespace's name has 3 to 50 letters, digits and hyphens.");
  return name;
}

/** Throws what the service would refuse when the subscription is created. */
export function checkSubscription(config: EventSubscriptionConfig): void {
  checkCommon(config);
  const { maxDeliveryAttempts, eventTimeToLiveInMinutes } = config.retryPolicy ?? {};
  between(maxDeliveryAttempts, 1, 30, "maxDeliveryAttempts");
  between(eventTimeToLiveInMinutes, 1, 1440, "eventTimeToLiveInMinutes");
}

export function checkNamespaceSubscription(config: NamespaceSubscriptionConfig): void {
  checkCommon(config);
  const lock = config.receiveLockDurationInSeconds;
  if (lock !== undefined && !(lock > 0 && lock <= 300))
    throw configProblem("receiveLockDurationInSeconds must be above 0 and at most 300.");
  between(config.maxDeliveryCount, 1, 10, "maxDeliveryCount");
  const ttl = config.eventTimeToLive === undefined ? undefined : parseDuration(config.eventTimeToLive);
  if (config.eventTimeToLive !== undefined && !(ttl !== undefined && ttl >= 60_000 && ttl <= 7 * 86_400_000))
    throw configProblem("eventTimeToLive must be between PT1M and P7D.");
}

function checkCommon(config: SubscriptionBase & { readonly destination?: Destination | undefined }): void {
  if (typeof config.name !== "string" || !/^[A-Za-z0-9-]{3,64}$/.test(config.name))
    throw configProblem("An event subscription's name has 3 to 64 letters, digits and hyphens.");
  if (config.filter !== undefined) checkFilter(config.filter);
  const { destination } = config;
  if (destination === undefined) return;
  checkDeliveryAttributes(destination.deliveryAttributeMappings ?? []);
  if (destination.endpointType !== "WebHook") return;
  between(destination.maxEventsPerBatch, 1, 5000, "maxEventsPerBatch");
  between(destination.preferredBatchSizeInKilobytes, 1, 1024, "preferredBatchSizeInKilobytes");
  if (!URL.canParse(destination.endpointUrl) || !/^https?:$/.test(new URL(destination.endpointUrl).protocol))
    throw configProblem(`The webhook of '${config.name}' needs an http or https address.`);
}

function between(value: number | undefined, min: number, max: number, name: string): void {
  if (value !== undefined && !(Number.isInteger(value) && value >= min && value <= max))
    throw configProblem(`${name} must be a whole number between ${min} and ${max}.`);
}
