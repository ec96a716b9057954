import { argumentError } from "./conditions.ts";
import type { HubOptions } from "./hub-settings.ts";

/** The shape of the official emulator's Config.json. */
export interface EventHubsConfig {
  readonly UserConfig: {
    readonly NamespaceConfig: readonly EventHubsNamespaceConfig[];
    readonly LoggingConfig?: unknown;
  };
}

export interface EventHubsNamespaceConfig {
  readonly Type?: string;
  readonly Name?: string;
  readonly Entities: readonly EventHubConfig[];
}

export interface EventHubConfig {
  readonly Name: string;
  /** The official samples write it as text. */
  readonly PartitionCount: number | string;
  readonly ConsumerGroups?: readonly { readonly Name: string }[];
}

/** The hubs that the file names, of all namespaces. Throws an argument error on another shape, on unknown properties and on a name that comes twice. */
export function readConfig(config: EventHubsConfig): ReadonlyMap<string, HubOptions> {
  const namespaces: unknown = config?.UserConfig?.NamespaceConfig;
  if (!Array.isArray(namespaces)) throw argumentError("The config has no UserConfig.NamespaceConfig.");
  const hubs = new Map<string, HubOptions>();
  for (const { Type, Entities } of namespaces as readonly EventHubsNamespaceConfig[]) {
    if (Type !== undefined && Type.toLowerCase() !== "eventhub")
      throw argumentError(`A namespace of the type '${Type}' is no Event Hubs namespace.`);
    if (!Array.isArray(Entities)) throw argumentError("A namespace of the config has no Entities.");
    for (const entity of Entities as readonly EventHubConfig[]) {
      if ([...hubs.keys()].some((name) => name.toLowerCase() === String(entity.Name).toLowerCase()))
        throw argumentError(`The hub '${entity.Name}' comes twice in the config.`);
      hubs.set(String(entity.Name), readHub(entity));
    }
  }
  return hubs;
}

function readHub(entity: EventHubConfig): HubOptions {
  const unknown = Object.keys(entity).find((key) => !["Name", "PartitionCount", "ConsumerGroups"].includes(key));
  if (unknown !== undefined) throw argumentError(`'${entity.Name}' has the unknown property '${unknown}'.`);
  return {
    partitionCount: Number(entity.PartitionCount),
    consumerGroups: (entity.ConsumerGroups ?? []).map(({ Name }) => Name),
  };
}
