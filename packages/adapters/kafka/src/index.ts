export { kafka } from "./adapter.ts";
export { kafkaErrors } from "./errors.ts";
export type { EventHubsProfile } from "./event-hubs-profile.ts";
export type { Compression, EngineName, KafkaOptions, Sasl } from "./options.ts";
export { murmur2 } from "./partitioner.ts";
