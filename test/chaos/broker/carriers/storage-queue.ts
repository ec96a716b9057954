import { setTimeout as sleep } from "node:timers/promises";
import { startAzurite } from "@waybill/emulators";
import type { Carrier, CarrierOptions } from "../carrier.ts";
import { outage, proxied } from "../network-faults.ts";
import { startTcpProxy } from "../tcp-proxy.ts";

export async function startStorageQueue({ folder }: CarrierOptions): Promise<Carrier> {
  let azurite = await startAzurite({ dataDir: folder });
  const portOf = () => Number(new URL(azurite.queueEndpoint!).port);
  const main = await startTcpProxy(portOf());
  const graves = await startTcpProxy(portOf());
  const broker = (port: number) => ({
    adapter: "storage-queue" as const,
    connectionString: azurite.connectionString.replace(/(QueueEndpoint=http:\/\/[^:]+:)\d+/, `$1${port}`),
    // Short, so that what a killed consumer had in hand comes back soon.
    visibility: "5s",
    maxPoll: "500ms",
    requestTimeout: "5s",
  });
  return {
    brokers: { main: broker(main.port), graves: broker(graves.port) },
    ordered: false,
    faults: {
      ...proxied(main),
      "graves-down": (random) => outage(graves, random),
      "broker-restart": async () => {
        await azurite.stop();
        await sleep(500);
        azurite = await startAzurite({ dataDir: folder });
        for (const proxy of [main, graves]) {
          proxy.target(portOf());
          proxy.cut();
        }
      },
    },
    stop: async () => {
      await Promise.all([main.close(), graves.close()]);
      await azurite.stop();
    },
  };
}
