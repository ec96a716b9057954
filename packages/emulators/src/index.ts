export type { PlainMessage } from "./amqp/write-message.ts";
export { type Azurite, type AzuriteOptions, startAzurite } from "./azurite.ts";
export * from "./event-grid/index.ts";
export * from "./event-hubs/index.ts";
export { type KafkaOptions, KafkaUnavailable, type RunningKafka, startKafka } from "./kafka/index.ts";
export * from "./service-bus/index.ts";
export {
  EMULATORS,
  type EmulatorName,
  type Emulators,
  type EmulatorsConfig,
  startEmulators,
} from "./start-emulators.ts";
export { createTlsIdentity, type TlsIdentity } from "./tls-door.ts";
