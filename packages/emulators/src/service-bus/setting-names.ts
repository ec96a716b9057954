/** How a setting is called in Config.json and in the administration's XML, in the order in which the service writes them. */
export type SettingNames = Readonly<Record<string, readonly [setting: string, kind: SettingKind]>>;
export type SettingKind = "duration" | "number" | "boolean" | "text";

export const QUEUE_SETTINGS: SettingNames = {
  LockDuration: ["lockDurationMs", "duration"],
  MaxSizeInMegabytes: ["maxSizeInMegabytes", "number"],
  RequiresDuplicateDetection: ["requiresDuplicateDetection", "boolean"],
  RequiresSession: ["requiresSession", "boolean"],
  DefaultMessageTimeToLive: ["defaultMessageTimeToLiveMs", "duration"],
  DeadLetteringOnMessageExpiration: ["deadLetteringOnMessageExpiration", "boolean"],
  DuplicateDetectionHistoryTimeWindow: ["duplicateDetectionHistoryTimeWindowMs", "duration"],
  MaxDeliveryCount: ["maxDeliveryCount", "number"],
  EnableBatchedOperations: ["enableBatchedOperations", "boolean"],
  Status: ["status", "text"],
  ForwardTo: ["forwardTo", "text"],
  UserMetadata: ["userMetadata", "text"],
  AutoDeleteOnIdle: ["autoDeleteOnIdleMs", "duration"],
  EnablePartitioning: ["enablePartitioning", "boolean"],
  ForwardDeadLetteredMessagesTo: ["forwardDeadLetteredMessagesTo", "text"],
  EnableExpress: ["enableExpress", "boolean"],
  MaxMessageSizeInKilobytes: ["maxMessageSizeInKilobytes", "number"],
};

export const TOPIC_SETTINGS: SettingNames = {
  DefaultMessageTimeToLive: ["defaultMessageTimeToLiveMs", "duration"],
  MaxSizeInMegabytes: ["maxSizeInMegabytes", "number"],
  RequiresDuplicateDetection: ["requiresDuplicateDetection", "boolean"],
  DuplicateDetectionHistoryTimeWindow: ["duplicateDetectionHistoryTimeWindowMs", "duration"],
  EnableBatchedOperations: ["enableBatchedOperations", "boolean"],
  Status: ["status", "text"],
  UserMetadata: ["userMetadata", "text"],
  SupportOrdering: ["supportOrdering", "boolean"],
  AutoDeleteOnIdle: ["autoDeleteOnIdleMs", "duration"],
  EnablePartitioning: ["enablePartitioning", "boolean"],
  EnableExpress: ["enableExpress", "boolean"],
  MaxMessageSizeInKilobytes: ["maxMessageSizeInKilobytes", "number"],
};

export const SUBSCRIPTION_SETTINGS: SettingNames = {
  LockDuration: ["lockDurationMs", "duration"],
  RequiresSession: ["requiresSession", "boolean"],
  DefaultMessageTimeToLive: ["defaultMessageTimeToLiveMs", "duration"],
  DeadLetteringOnMessageExpiration: ["deadLetteringOnMessageExpiration", "boolean"],
  DeadLetteringOnFilterEvaluationExceptions: ["deadLetteringOnFilterEvaluationExceptions", "boolean"],
  MaxDeliveryCount: ["maxDeliveryCount", "number"],
  EnableBatchedOperations: ["enableBatchedOperations", "boolean"],
  Status: ["status", "text"],
  ForwardTo: ["forwardTo", "text"],
  UserMetadata: ["userMetadata", "text"],
  ForwardDeadLetteredMessagesTo: ["forwardDeadLetteredMessagesTo", "text"],
  AutoDeleteOnIdle: ["autoDeleteOnIdleMs", "duration"],
};
