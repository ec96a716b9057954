export { type ServiceBusAdapter, serviceBus } from "./adapter.ts";
export { serviceBusErrors } from "./errors.ts";
export type { ServiceBusOptions, ServiceBusSessions } from "./options.ts";
