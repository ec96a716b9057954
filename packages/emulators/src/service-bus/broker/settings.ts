import type { AccessPolicy } from "../../shared-access/access-policy.ts";

/** Durations are milliseconds; `Infinity` is "never". Defaults are the service's. */
export type EntityStatus = "Active" | "Disabled" | "SendDisabled" | "ReceiveDisabled";

/** A key of an entity as the administration API keeps it. */
export interface AuthorizationRule extends AccessPolicy {
  readonly claimType: string;
  readonly claimValue: string;
  readonly secondaryKey: string;
  /** As the client wrote them: the service adds none. */
  readonly createdTime: string | undefined;
  readonly modifiedTime: string | undefined;
}

export interface QueueSettings {
  lockDurationMs: number;
  maxSizeInMegabytes: number;
  maxMessageSizeInKilobytes: number;
  requiresDuplicateDetection: boolean;
  duplicateDetectionHistoryTimeWindowMs: number;
  requiresSession: boolean;
  defaultMessageTimeToLiveMs: number;
  deadLetteringOnMessageExpiration: boolean;
  maxDeliveryCount: number;
  enableBatchedOperations: boolean;
  enablePartitioning: boolean;
  enableExpress: boolean;
  status: EntityStatus;
  forwardTo: string | undefined;
  forwardDeadLetteredMessagesTo: string | undefined;
  autoDeleteOnIdleMs: number;
  userMetadata: string | undefined;
  authorizationRules: readonly AuthorizationRule[];
}

export interface TopicSettings {
  maxSizeInMegabytes: number;
  maxMessageSizeInKilobytes: number;
  requiresDuplicateDetection: boolean;
  duplicateDetectionHistoryTimeWindowMs: number;
  defaultMessageTimeToLiveMs: number;
  enableBatchedOperations: boolean;
  enablePartitioning: boolean;
  enableExpress: boolean;
  supportOrdering: boolean;
  status: EntityStatus;
  autoDeleteOnIdleMs: number;
  userMetadata: string | undefined;
  authorizationRules: readonly AuthorizationRule[];
}

export interface SubscriptionSettings {
  lockDurationMs: number;
  requiresSession: boolean;
  defaultMessageTimeToLiveMs: number;
  deadLetteringOnMessageExpiration: boolean;
  deadLetteringOnFilterEvaluationExceptions: boolean;
  maxDeliveryCount: number;
  enableBatchedOperations: boolean;
  status: EntityStatus;
  forwardTo: string | undefined;
  forwardDeadLetteredMessagesTo: string | undefined;
  autoDeleteOnIdleMs: number;
  userMetadata: string | undefined;
}

const NEVER = Number.POSITIVE_INFINITY;

export const queueDefaults = (): QueueSettings => ({
  lockDurationMs: 60_000,
  maxSizeInMegabytes: 1_024,
  maxMessageSizeInKilobytes: 256,
  requiresDuplicateDetection: false,
  duplicateDetectionHistoryTimeWindowMs: 600_000,
  requiresSession: false,
  defaultMessageTimeToLiveMs: NEVER,
  deadLetteringOnMessageExpiration: false,
  maxDeliveryCount: 10,
  enableBatchedOperations: true,
  enablePartitioning: false,
  enableExpress: false,
  status: "Active",
  forwardTo: undefined,
  forwardDeadLetteredMessagesTo: undefined,
  autoDeleteOnIdleMs: NEVER,
  userMetadata: undefined,
  authorizationRules: [],
});

export const topicDefaults = (): TopicSettings => ({
  maxSizeInMegabytes: 1_024,
  maxMessageSizeInKilobytes: 256,
  requiresDuplicateDetection: false,
  duplicateDetectionHistoryTimeWindowMs: 600_000,
  defaultMessageTimeToLiveMs: NEVER,
  enableBatchedOperations: true,
  enablePartitioning: false,
  enableExpress: false,
  supportOrdering: true,
  status: "Active",
  autoDeleteOnIdleMs: NEVER,
  userMetadata: undefined,
  authorizationRules: [],
});

export const subscriptionDefaults = (): SubscriptionSettings => ({
  lockDurationMs: 60_000,
  requiresSession: false,
  defaultMessageTimeToLiveMs: NEVER,
  deadLetteringOnMessageExpiration: false,
  deadLetteringOnFilterEvaluationExceptions: true,
  maxDeliveryCount: 10,
  enableBatchedOperations: true,
  status: "Active",
  forwardTo: undefined,
  forwardDeadLetteredMessagesTo: undefined,
  autoDeleteOnIdleMs: NEVER,
  userMetadata: undefined,
});
