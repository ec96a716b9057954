import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type EventGridEmulator, startEventGridEmulator } from "@waybill/emulators";
import { type Carrier, type CarrierOptions, CONSUMERS } from "../carrier.ts";
import { outage, proxied } from "../network-faults.ts";
import { startTcpProxy, type TcpProxy } from "../tcp-proxy.ts";
import { graves, gravesOfA, KEEPER, KEEPER_OF_A, SUBSCRIPTIONS, steps } from "../workload.ts";

/** Of the waits between attempts: ten seconds are a tenth of one. */
const SPEED = 100;
const LOCK_S = 5;
const SECRET = "knock-knock";

/**
 * A custom topic that pushes to the consumers' doors, in turn, through a proxy of its own: what a consumer was killed over is pushed again to another. `a` gets
 * event by event, `b` batches. Both have their graves in a namespace.
 */
export async function startEventGridWebhook({ folder }: CarrierOptions): Promise<Carrier> {
  const doors = await freePorts(CONSUMERS);
  const hooks = await startTcpProxy(doors[0]!);
  const open = () => hooks.target(...(doors as [number, ...number[]]));
  open();
  const start = () => startEventGridEmulator({ ...entities(hooks), dataDir: folder, speed: SPEED });
  let emulator: EventGridEmulator = await start();
  const main = await startTcpProxy(emulator.port);
  const graveyard = await startTcpProxy(emulator.port);
  const busy = await startBusyDoor();
  const { key } = emulator;
  const requestTimeout = "5s";
  return {
    brokers: {
      main: {
        adapter: "event-grid",
        kind: "custom",
        key,
        topics: { [steps.name]: { endpoint: `http://127.0.0.1:${main.port}/${steps.name}/api/events` } },
        webhook: { query: { name: "code", secrets: [SECRET] }, patience: "5s" },
        requestTimeout,
      },
      graves: {
        adapter: "event-grid",
        endpoint: `http://127.0.0.1:${graveyard.port}`,
        key,
        lock: `${LOCK_S}s`,
        maxWait: "10s",
        requestTimeout,
      },
    },
    ordered: false,
    keepsGraves: true,
    doors,
    faults: {
      cut: async () => {
        for (const proxy of [main, hooks]) proxy.cut();
      },
      "half-open": async (random) => {
        main.stall();
        await proxied(hooks)["half-open"]!(random);
      },
      "graves-down": (random) => outage(graveyard, random),
      // The publisher is told so by the service, and the service by the consumers.
      throttled: async (random) => {
        emulator.control.throttle(1);
        hooks.target(busy.port);
        hooks.cut();
        await sleep(1_000 + random() * 2_000);
        open();
        hooks.cut();
        emulator.control.throttle(false);
      },
      "broker-restart": async () => {
        await emulator.close();
        await sleep(500);
        emulator = await start();
        for (const proxy of [main, graveyard]) {
          proxy.target(emulator.port);
          proxy.cut();
        }
      },
    },
    stop: async () => {
      await Promise.all([main.close(), graveyard.close(), hooks.close()]);
      await emulator.close();
      busy.close();
    },
  };
}

function entities(hooks: TcpProxy) {
  const topic = {
    name: steps.name,
    subscriptions: SUBSCRIPTIONS.map((name) => ({
      name: `sub--${name}`,
      destination: {
        endpointType: "WebHook" as const,
        endpointUrl: `http://127.0.0.1:${hooks.port}/${name}?code=${SECRET}`,
        // The consumers come later.
        skipValidation: true,
        ...(name === "b" && { maxEventsPerBatch: 10 }),
      },
    })),
  };
  const kept = [
    [graves.name, KEEPER],
    [gravesOfA.name, KEEPER_OF_A],
  ] as const;
  const topics = kept.flatMap(([name, keeper]) =>
    [name, `${name}--${keeper}`, `${name}--${keeper}--dead`].map((own) => ({
      name: own,
      subscriptions: [{ name: keeper, receiveLockDurationInSeconds: LOCK_S }],
    })),
  );
  return { topics: [topic], namespaces: [{ name: "chaos", topics }] };
}

/** Answers every delivery with 429 or 503. */
async function startBusyDoor(): Promise<{ readonly port: number; close(): void }> {
  let count = 0;
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(count++ % 2 === 0 ? 429 : 503).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Ports that were free a moment ago, for processes that keep theirs when they are started again. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createTcpServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
