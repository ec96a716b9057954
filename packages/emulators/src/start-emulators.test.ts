import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, connect as openSocket } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { type EmulatorName, type Emulators, type EmulatorsConfig, startEmulators } from "./start-emulators.ts";

async function open(config: EmulatorsConfig = {}): Promise<Emulators> {
  const emulators = await startEmulators(config);
  onTestFinished(() => emulators.close());
  return emulators;
}

const answers = (port: number, host = "127.0.0.1"): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = openSocket(port, host);
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });

const portsOf = ({ serviceBus, eventHubs, eventGrid, storage }: Emulators): number[] => [
  ...[serviceBus, eventHubs, eventGrid].flatMap((one) => (one === undefined ? [] : [one.port])),
  ...[storage?.queueEndpoint, storage?.blobEndpoint].flatMap((url) => (url ? [Number(new URL(url).port)] : [])),
];

it("starts all of them on ports of their own, and closes all of them", async () => {
  const emulators = await open();
  const ports = portsOf(emulators);
  expect(new Set(ports).size).toBe(5);
  expect(await Promise.all(ports.map((port) => answers(port)))).toEqual([true, true, true, true, true]);
  await Promise.all([emulators.close(), emulators.close()]);
  expect(await Promise.all(ports.map((port) => answers(port)))).toEqual([false, false, false, false, false]);
});

it("listens on loopback only, unless told otherwise", async () => {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ family, internal }) => family === "IPv4" && !internal)
    .map(({ address }) => address);
  const elsewhere = (emulators: Emulators) =>
    // Also another address of a loopback interface, where the system has such.
    Promise.all(portsOf(emulators).flatMap((port) => ["127.0.0.2", ...addresses].map((host) => answers(port, host))));
  expect(await elsewhere(await open())).not.toContain(true);
  const opened = await open({ only: ["service-bus", "event-hubs", "event-grid"], host: "0.0.0.0" });
  for (const address of addresses)
    expect(await Promise.all(portsOf(opened).map((port) => answers(port, address)))).toEqual([true, true, true]);
});

it("starts only what is asked for, with its own options", async () => {
  const { serviceBus, eventHubs, eventGrid, storage } = await open({
    only: ["event-hubs", "service-bus"],
    eventHubs: { hubs: { orders: { partitionCount: 3 } } },
  });
  expect(eventHubs?.control.state("orders")).toHaveLength(3);
  expect(serviceBus?.connectionString).toContain("UseDevelopmentEmulator=true");
  expect([eventGrid, storage]).toEqual([undefined, undefined]);
});

it("refuses a name that it does not know", async () => {
  await expect(startEmulators({ only: ["kafka" as EmulatorName] })).rejects.toThrow("no emulator 'kafka'");
});

it("closes what had started when one does not start", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  onTestFinished(() => void taken.close());
  const { port: free } = await freePort();
  const { port } = taken.address() as { port: number };
  await expect(
    startEmulators({ only: ["service-bus", "event-hubs"], serviceBus: { port: free }, eventHubs: { port } }),
  ).rejects.toMatchObject({ code: "EADDRINUSE" });
  expect(await answers(free)).toBe(false);
});

it("keeps what has a place to be kept in folders of their own", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "waybill-emulators-"));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const config: EmulatorsConfig = { dataDir, eventHubs: { hubs: { orders: {} } } };
  await (await open(config)).close();
  expect(readdirSync(dataDir).sort()).toEqual(["event-grid", "event-hubs", "service-bus", "storage"]);
});

it("writes dead letters of Event Grid into the blobs of storage", async () => {
  const { eventGrid, storage } = await open({
    only: ["event-grid", "storage"],
    eventGrid: {
      speed: 1_000,
      topics: [
        {
          name: "orders",
          subscriptions: [
            {
              name: "billing",
              deadLetter: "storage",
              retryPolicy: { maxDeliveryAttempts: 1 },
              destination: { endpointType: "ServiceBusQueue", send: () => Promise.reject(new Error("no such queue")) },
            },
          ],
        },
      ],
    },
  });
  const response = await fetch(`${eventGrid?.topicEndpoint("orders")}?api-version=2018-01-01`, {
    method: "POST",
    headers: { "aeg-sas-key": eventGrid?.key ?? "", "content-type": "application/cloudevents+json; charset=utf-8" },
    body: JSON.stringify({ specversion: "1.0", id: "e-1", source: "/s", type: "t" }),
  });
  expect(response.status).toBe(200);
  await expect
    .poll(() => eventGrid?.control.state("orders", "billing").deadLetters, { timeout: 8_000 })
    .toMatchObject({ written: 1, dropped: 0 });
  expect(storage?.blobEndpoint).toBeDefined();
});

async function freePort(): Promise<{ port: number }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return { port };
}
