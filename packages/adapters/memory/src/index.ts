export { type MemoryAdapter, memory } from "./adapter.ts";
export { createMemoryBroker, type MemoryBroker, type MemoryBrokerOptions, type Operation } from "./broker/broker.ts";
export type { Like } from "./capabilities.ts";
export { createFaults, type FaultName, type FaultOptions, type Faults } from "./faults.ts";
export type { MemoryLimits, MemoryOptions } from "./options.ts";
