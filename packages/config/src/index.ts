export { assessConfig, type Limits, type ReportProblem, type SubscriptionReport } from "./assess-config.ts";
export { defineConfig } from "./define-config.ts";
export { durationMs } from "./duration.ts";
export { type LoadedConfig, type LoadOptions, loadConfig } from "./load-config.ts";
export { type OpenBusOptions, type OpenOptions, openAdapters, openBus } from "./open-bus.ts";
export { type OpenedInbox, openInbox, openOutbox, openRelay, openStore } from "./open-stores.ts";
export type { DescribedValue, Origin } from "./origin.ts";
export {
  type BrokerConfig,
  brokerOf,
  type RelaySettings,
  type ResolvedConfig,
  type StoreConfig,
  type SubscriptionSettings,
  type TopicConfig,
} from "./resolve-config.ts";
export type { WaybillConfig } from "./schema/file-schema.ts";
export { withoutSecrets } from "./secrets.ts";
export { applyTopology, type PlannedStep, planTopology, type TopologyMode } from "./topology.ts";
