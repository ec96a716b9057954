import { readFile } from "node:fs/promises";
import type { EmulatorsConfig, EventGridConfig, EventHubsConfig, ServiceBusConfig } from "@waybill/emulators";
import { cliErrors } from "../../cli-errors.ts";

/** Files that say which entities there are; of brokers without one, the topic `orders` with the subscription `billing`. */
export interface EntityFiles {
  readonly serviceBusConfig?: string | undefined;
  readonly eventHubsConfig?: string | undefined;
  readonly eventGridConfig?: string | undefined;
}

export type Entities = Pick<EmulatorsConfig, "serviceBus" | "eventHubs" | "eventGrid">;

/** Throws WB_CLI_USAGE for a file that cannot be read or holds no JSON. */
export async function readEntities(files: EntityFiles): Promise<Entities> {
  const [serviceBus, eventHubs, eventGrid] = await Promise.all([
    readJson<ServiceBusConfig>(files.serviceBusConfig),
    readJson<EventHubsConfig>(files.eventHubsConfig),
    readJson<EventGridConfig>(files.eventGridConfig),
  ]);
  return {
    serviceBus: { config: serviceBus ?? SERVICE_BUS },
    eventHubs: eventHubs === undefined ? { hubs: HUBS } : { config: eventHubs },
    eventGrid: { config: eventGrid ?? EVENT_GRID },
  };
}

/** The topic, and the dead letters of its subscription. */
const HUBS = { orders: { consumerGroups: ["billing"] }, "orders.billing.dead": { partitionCount: 1 } };

const SERVICE_BUS: ServiceBusConfig = {
  UserConfig: { Namespaces: [{ Topics: [{ Name: "orders", Subscriptions: [{ Name: "billing" }] }] }] },
};

const EVENT_GRID: EventGridConfig = {
  topics: [{ name: "orders" }],
  namespaces: [
    {
      name: "dev",
      // The topic, what reaches its subscription alone, and its dead letters: as `waybill topology` wants them.
      topics: ["orders", "orders--billing", "orders--billing--dead"].map((name) => ({
        name,
        subscriptions: [{ name: "billing" }],
      })),
    },
  ],
};

async function readJson<T>(file: string | undefined): Promise<T | undefined> {
  if (file === undefined) return undefined;
  try {
    return JSON.parse(await readFile(file, "utf8")) as T;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const problem = `The file ${file} cannot be read: ${code ?? message}.`;
    throw cliErrors.WB_CLI_USAGE({ problem, command: "waybill dev" }, error);
  }
}
