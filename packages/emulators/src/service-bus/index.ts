export type { TokenCheck, TokenRequest } from "../amqp/cbs.ts";
export { createClock, type MovableClock } from "../clock.ts";
export type { AccessPolicy, AccessRight } from "../shared-access/access-policy.ts";
export type { EntityStatus, QueueSettings, SubscriptionSettings, TopicSettings } from "./broker/settings.ts";
export type { ServiceBusConfig } from "./config.ts";
export type { MessageView, ServiceBusControl, StoreView } from "./control.ts";
export type { CorrelationFilter } from "./rules/correlation-filter.ts";
export type { RuleDescription, RuleFilter } from "./rules/rule.ts";
export { type ServiceBusEmulator, type ServiceBusEmulatorOptions, startServiceBusEmulator } from "./start.ts";
