import { setTimeout as sleep } from "node:timers/promises";
import { type ServiceBusEmulator, startServiceBusEmulator } from "@waybill/emulators";
import { type ServiceBusSessions, serviceBus } from "@waybill/service-bus";
import type { Carrier, CarrierOptions } from "../carrier.ts";
import { DECLARED, makeEntities } from "../entities.ts";
import { outage, proxied } from "../network-faults.ts";
import { startTcpProxy } from "../tcp-proxy.ts";
import { SUBSCRIPTIONS, steps } from "../workload.ts";

const LOCK_MS = 5_000;

/** With sessions there is an order to keep. */
export async function startServiceBus({ folder }: CarrierOptions, sessions: ServiceBusSessions): Promise<Carrier> {
  const start = (port?: number) => startServiceBusEmulator({ dataDir: folder, port });
  let emulator: ServiceBusEmulator = await start();
  const { port } = emulator;
  const main = await startTcpProxy(port);
  const graveyard = await startTcpProxy(port);
  const own = { sessions, lockMs: LOCK_MS, sessionIdleMs: 200, sessionHoldMs: 3_000 };
  const through = (to: number) => emulator.connectionString.replace(`:${port}`, `:${to}`);
  await makeEntities(
    serviceBus({
      ...own,
      connectionString: emulator.connectionString,
      administrationEndpoint: emulator.administrationUrl,
      subscriptions: DECLARED,
    }),
  );
  const queues = SUBSCRIPTIONS.map((name) => `${steps.name}.${name}`);
  const broker = (to: number) => ({
    adapter: "service-bus" as const,
    ...own,
    connectionString: through(to),
    requestTimeoutMs: 5_000,
    probeMs: 3_000,
  });
  return {
    brokers: { main: broker(main.port), graves: broker(graveyard.port) },
    ordered: sessions !== "none",
    faults: {
      ...proxied(main),
      "graves-down": (random) => outage(graveyard, random),
      "taken-away": async () => {
        for (const queue of queues) emulator.control.expireLocks(queue);
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
    },
  };
}
