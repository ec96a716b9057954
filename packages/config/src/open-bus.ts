import { type Bus, type BusOptions, createBus } from "@waybill/core";
import type { Adapter } from "@waybill/core/spi";
import { loadAdapter } from "./load-adapter.ts";
import { loadClaimCheck } from "./load-claim-check.ts";
import { type LoadedConfig, type LoadOptions, loadConfig } from "./load-config.ts";
import type { ResolvedConfig, SubscriptionSettings } from "./resolve-config.ts";
import { checkTopologyMode, ensureTopology, type TopologyMode } from "./topology.ts";

export interface OpenOptions extends LoadOptions {
  /** A configuration that has been loaded already; the other options of loading are then not looked at. */
  readonly loaded?: LoadedConfig | undefined;
}

/** What a file cannot hold: functions. */
export interface OpenBusOptions extends OpenOptions, Omit<BusOptions, "source" | "adapter" | "adapters" | "topics"> {
  /** What `openAdapters` made of the same configuration; the bus closes them. Default: it makes its own. */
  readonly adapters?: Readonly<Record<string, Adapter>> | undefined;
  /**
   * What to do about entities that a broker lacks: nothing (`leave`), refuse to open (`verify`), or make them (`apply`; nothing is ever deleted).
   * Default: what the configuration says, else `leave`.
   */
  readonly topology?: TopologyMode | undefined;
}

/**
 * A bus as the configuration says. Loads only the adapter packages that it names; connects when they are first used. Settings of
 * a subscription in the configuration win over those in code, so that an operator can tune without a release. Rejects with
 * WB_TOPOLOGY_MISSING or WB_TOPOLOGY_REFUSED as `topology` says, or WB_TOPOLOGY_MODE where that is no mode, and then leaves nothing open that it opened.
 */
export async function openBus(options: OpenBusOptions = {}): Promise<Bus> {
  const { loaded: given, adapters: made, topology, cwd, file, env, overrides, ...rest } = options;
  checkTopologyMode(topology);
  const loaded = given ?? (await loadConfig({ cwd, file, env, overrides }));
  const { config } = loaded;
  const adapters = made ?? (await openAdapters(loaded));
  let { claimCheck } = rest;
  try {
    claimCheck ??= await loadClaimCheck(loaded);
    await ensureTopology(adapters, topology ?? config.topology);
  } catch (error) {
    if (made === undefined) await closeAll(adapters);
    throw error;
  }
  const bus = createBus({
    ...rest,
    ...(claimCheck === undefined ? {} : { claimCheck }),
    source: config.source,
    adapters,
    topics: routesOf(config),
  });
  return {
    ...bus,
    subscribe: (topic, code, handler) => {
      const name = typeof topic === "string" ? topic : topic.name;
      return bus.subscribe(topic, tuned(code, config.topics[name]?.subscriptions[code.name]), handler);
    },
  };
}

/** The adapter of each configured broker, by the broker's name. The caller closes them. */
export async function openAdapters(loaded: LoadedConfig): Promise<Record<string, Adapter>> {
  const adapters: Record<string, Adapter> = {};
  try {
    for (const [name, broker] of Object.entries(loaded.config.brokers)) {
      adapters[name] = await loadAdapter(name, broker, loaded.config, loaded.folder);
    }
  } catch (error) {
    await closeAll(adapters);
    throw error;
  }
  return adapters;
}

async function closeAll(adapters: Readonly<Record<string, Adapter>>): Promise<void> {
  await Promise.allSettled(Object.values(adapters).map((adapter) => adapter.close()));
}

/** Which broker carries each topic, and where it is another, which keeps what returns to a subscription. */
function routesOf({ topics }: ResolvedConfig): Record<string, string> {
  const routes: Record<string, string> = {};
  for (const [topic, { broker, subscriptions }] of Object.entries(topics)) {
    routes[topic] = broker;
    for (const [subscription, { retryBroker }] of Object.entries(subscriptions))
      if (retryBroker !== undefined) routes[`${topic}/${subscription}`] = retryBroker;
  }
  return routes;
}

function tuned<Options extends Omit<SubscriptionSettings, "retryBroker">>(
  code: Options,
  settings: SubscriptionSettings | undefined,
): Options {
  if (settings === undefined) return code;
  const { retryBroker: _, ...options } = settings;
  const retry = options.retry === undefined ? {} : { retry: { ...code.retry, ...options.retry } };
  return { ...code, ...options, ...retry };
}
