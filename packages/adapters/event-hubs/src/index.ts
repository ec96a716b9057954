export { type EventHubsAdapter, eventHubs } from "./adapter.ts";
export { eventHubsErrors } from "./errors.ts";
export type { HubManagement } from "./management.ts";
export type { AttributePrefix } from "./mapping.ts";
export type { CheckpointOptions, EventHubsOptions, HubCredential } from "./options.ts";
