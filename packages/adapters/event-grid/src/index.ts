export { type EventGridAdapter, eventGrid } from "./adapter.ts";
export { eventGridErrors } from "./errors.ts";
export type { EventGridAccess, EventGridOptions, TokenCredential } from "./options.ts";
export type { EventGridManagement } from "./topology.ts";
