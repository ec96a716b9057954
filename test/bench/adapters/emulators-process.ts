import { startEmulators } from "@waybill/emulators";
import type { EmulatorAddresses } from "./emulators.ts";

/** The emulators in a process of their own: `node emulators-process.ts PLACE …`. Each place is a queue, a hub of four partitions and a namespace topic. */
async function main(): Promise<void> {
  const places = process.argv.slice(2);
  const emulators = await startEmulators({
    serviceBus: {
      config: {
        UserConfig: {
          Namespaces: [{ Name: "bench", Queues: places.map((Name) => ({ Name, Properties: {} })), Topics: [] }],
        },
      },
    },
    eventHubs: {
      config: {
        UserConfig: {
          NamespaceConfig: [
            { Entities: places.map((Name) => ({ Name, PartitionCount: 4, ConsumerGroups: [{ Name: "billing" }] })) },
          ],
        },
      },
    },
    eventGrid: {
      config: {
        namespaces: [
          {
            name: "bench",
            topics: places.map((name) => ({
              name,
              subscriptions: [{ name: "billing", receiveLockDurationInSeconds: 60 }],
            })),
          },
        ],
      },
    },
  });
  const { serviceBus, eventHubs, eventGrid, storage } = emulators;
  process.on("disconnect", () => void emulators.close().finally(() => process.exit(0)));
  const addresses: EmulatorAddresses = {
    serviceBus: serviceBus!.connectionString,
    eventHubs: eventHubs!.connectionString,
    eventGrid: { endpoint: eventGrid!.endpoint, key: eventGrid!.key },
    storage: storage!.connectionString,
  };
  process.send?.(addresses);
}

void main();
