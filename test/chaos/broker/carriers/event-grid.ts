import { setTimeout as sleep } from "node:timers/promises";
import { type EventGridEmulator, startEventGridEmulator } from "@waybill/emulators";
import type { Carrier, CarrierOptions } from "../carrier.ts";
import { outage, proxied } from "../network-faults.ts";
import { startTcpProxy } from "../tcp-proxy.ts";

/** Of the service at least 60 s. Short, so that what a killed consumer had in hand comes back soon. */
const LOCK_S = 5;
const NAMESPACE = "chaos";

/** Each topic, what reaches each of its subscriptions alone, and their dead letters; by the adapter's rules of naming. */
const TOPICS = Object.entries({ steps: ["a", "b"], graves: ["keeper"] }).flatMap(([topic, subscriptions]) => {
  const subscription = (name: string) => ({
    name: name.length < 3 ? `sub--${name}` : name,
    receiveLockDurationInSeconds: LOCK_S,
  });
  return [
    { name: topic, subscriptions: subscriptions.map(subscription) },
    ...subscriptions.flatMap((name) => [
      { name: `${topic}--${name}`, subscriptions: [subscription(name)] },
      { name: `${topic}--${name}--dead`, subscriptions: [subscription(name)] },
    ]),
  ];
});

export async function startEventGrid({ folder }: CarrierOptions): Promise<Carrier> {
  const start = () => startEventGridEmulator({ namespaces: [{ name: NAMESPACE, topics: TOPICS }], dataDir: folder });
  let emulator: EventGridEmulator = await start();
  const main = await startTcpProxy(emulator.port);
  const graves = await startTcpProxy(emulator.port);
  const broker = (port: number) => ({
    adapter: "event-grid" as const,
    endpoint: `http://127.0.0.1:${port}`,
    key: emulator.key,
    lock: `${LOCK_S}s`,
    maxWait: "10s",
    requestTimeout: "5s",
  });
  return {
    brokers: { main: broker(main.port), graves: broker(graves.port) },
    ordered: false,
    faults: {
      ...proxied(main),
      "graves-down": (random) => outage(graves, random),
      "taken-away": async () => {
        for (const subscription of ["sub--a", "sub--b"])
          emulator.control.expireLocks(`${NAMESPACE}/steps`, subscription);
      },
      throttled: async (random) => {
        emulator.control.throttle(1);
        await sleep(1_000 + random() * 2_000);
        emulator.control.throttle(false);
      },
      "broker-restart": async () => {
        await emulator.close();
        await sleep(500);
        emulator = await start();
        for (const proxy of [main, graves]) {
          proxy.target(emulator.port);
          proxy.cut();
        }
      },
    },
    stop: async () => {
      await Promise.all([main.close(), graves.close()]);
      await emulator.close();
    },
  };
}
