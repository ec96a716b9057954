import { setTimeout as sleep } from "node:timers/promises";
import { type EventHubsEmulator, startAzurite, startEventHubsEmulator } from "@waybill/emulators";
import { eventHubs } from "@waybill/event-hubs";
import { emulatorManagement, throughPort } from "../../../integration/event-hubs.fixture.ts";
import type { Carrier, CarrierOptions } from "../carrier.ts";
import { DECLARED, makeEntities } from "../entities.ts";
import { outage, proxied } from "../network-faults.ts";
import { startTcpProxy } from "../tcp-proxy.ts";
import { SUBSCRIPTIONS, steps } from "../workload.ts";

const PARTITIONS = 4;

/** Checkpoints are in Azurite's blobs, and so are the graves: in its queues, behind a proxy of their own. */
export async function startEventHubs({ folder }: CarrierOptions): Promise<Carrier> {
  const storage = await startAzurite({ queues: true, blobs: true });
  const start = (port?: number) => startEventHubsEmulator({ dataDir: folder, port });
  let emulator: EventHubsEmulator = await start();
  const { port } = emulator;
  const main = await startTcpProxy(port);
  const queuePort = Number(new URL(storage.queueEndpoint!).port);
  const graveyard = await startTcpProxy(queuePort);
  const checkpoints = { connectionString: storage.connectionString };
  const own = { retryHubs: true, checkpoints };
  await makeEntities(
    eventHubs({
      ...own,
      connectionString: emulator.connectionString,
      subscriptions: { [steps.name]: DECLARED[steps.name]! },
      management: emulatorManagement(emulator, PARTITIONS),
    }),
  );
  return {
    brokers: {
      main: {
        adapter: "event-hubs",
        ...own,
        connectionString: throughPort(emulator.connectionString, port, main.port),
        updateIntervalMs: 1_000,
        ownershipMs: 5_000,
        requestTimeoutMs: 5_000,
      },
      graves: {
        adapter: "storage-queue",
        connectionString: throughPort(storage.connectionString, queuePort, graveyard.port),
        visibility: "5s",
        maxPoll: "500ms",
      },
    },
    ordered: true,
    faults: {
      ...proxied(main),
      "graves-down": (random) => outage(graveyard, random),
      "taken-away": async (random) => {
        const partition = String(Math.floor(random() * PARTITIONS));
        const giveBack = SUBSCRIPTIONS.map((consumerGroup) =>
          emulator.control.takeOver(steps.name, partition, { consumerGroup }),
        );
        await sleep(1_000);
        for (const release of giveBack) release();
      },
      throttled: async (random) => {
        emulator.control.throttle(true);
        await sleep(500 + random() * 1_500);
        emulator.control.throttle(false);
      },
      "broker-restart": async () => {
        await emulator.close();
        await sleep(500);
        emulator = await start(port);
      },
    },
    stop: async () => {
      await Promise.all([main.close(), graveyard.close()]);
      await emulator.close();
      await storage.stop();
    },
  };
}
