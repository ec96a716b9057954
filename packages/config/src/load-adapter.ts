import type { Adapter } from "@waybill/core/spi";
import { configErrors } from "./config-errors.ts";
import { loadPackage, NOT_INSTALLED } from "./load-package.ts";
import type { BrokerConfig, ResolvedConfig } from "./resolve-config.ts";
import { ADAPTERS } from "./schema/brokers.ts";

/** What every adapter factory gets from a config file, besides the broker's own options. */
interface CommonAdapterOptions {
  readonly prefix?: string;
  /** Every declared subscription of the topics that this broker carries, and those of other topics whose returns it keeps. */
  readonly subscriptions: Readonly<Record<string, readonly string[]>>;
}

type Factory = (options: Record<string, unknown>) => Adapter;

/** Loads the adapter's package and makes the adapter of one broker. Makes no connection: factories do no I/O. */
export async function loadAdapter(
  name: string,
  broker: BrokerConfig,
  config: ResolvedConfig,
  folder: string,
): Promise<Adapter> {
  const own = (ADAPTERS as readonly string[]).includes(broker.adapter);
  const packageName = own ? `@waybill/${broker.adapter}` : broker.adapter;
  let module: Record<string, unknown> | typeof NOT_INSTALLED;
  try {
    module = await loadPackage(packageName, folder);
  } catch (error) {
    const problem = error instanceof Error ? error.message : "importing it failed";
    throw configErrors.WB_ADAPTER_UNLOADABLE({ broker: name, package: packageName, problem }, error);
  }
  if (module === NOT_INSTALLED) throw configErrors.WB_ADAPTER_NOT_INSTALLED({ broker: name, package: packageName });
  const exportName = own ? camelCase(broker.adapter) : "default";
  const factory = module[exportName];
  if (typeof factory !== "function") {
    const problem = `it exports no function ${exportName}`;
    throw configErrors.WB_ADAPTER_UNLOADABLE({ broker: name, package: packageName, problem });
  }
  return (factory as Factory)({ ...commonOptions(name, config), ...broker.options });
}

function commonOptions(broker: string, { prefix, topics }: ResolvedConfig): CommonAdapterOptions {
  const subscriptions: Record<string, readonly string[]> = {};
  for (const [topic, route] of Object.entries(topics)) {
    const declared = Object.entries(route.subscriptions);
    const kept = declared.filter(([, { retryBroker }]) => route.broker === broker || retryBroker === broker);
    const carries = route.broker === broker && !topic.includes("*");
    if (carries || kept.length > 0) subscriptions[topic] = kept.map(([subscription]) => subscription);
  }
  return { ...(prefix === undefined ? {} : { prefix }), subscriptions };
}

/** `storage-queue` is the package `@waybill/storage-queue`, whose factory is `storageQueue`. */
function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
