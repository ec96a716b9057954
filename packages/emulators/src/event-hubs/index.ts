export type { TokenCheck, TokenRequest } from "../amqp/cbs.ts";
export { createClock, type MovableClock } from "../clock.ts";
export type { AccessPolicy, AccessRight } from "../shared-access/access-policy.ts";
export type { EventHubConfig, EventHubsConfig, EventHubsNamespaceConfig } from "./config.ts";
export type { EventHubsControl, LinkChoice, PartitionView, ReaderView, Takeover } from "./control.ts";
export type { HubOptions } from "./hub-settings.ts";
export { type EventHubsEmulator, type EventHubsEmulatorOptions, startEventHubsEmulator } from "./start.ts";
