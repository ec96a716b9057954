import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Emulators, startEmulators } from "@waybill/emulators";
import { afterAll, beforeAll, expect, it } from "vitest";

// Programs of a user, in processes of their own: one variable with one certificate is all that they get beside the addresses.

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "waybill-tls-"));
let emulators: Emulators;

beforeAll(async () => {
  emulators = await startEmulators({
    only: ["service-bus", "event-hubs", "event-grid"],
    tls: true,
    serviceBus: { config: { UserConfig: { Namespaces: [{ Queues: [{ Name: "work" }] }] } } },
    eventHubs: { hubs: { hub: { partitionCount: 1 } } },
    eventGrid: { topics: ["orders"] },
  });
  writeFileSync(join(folder, "ca.pem"), emulators.certificate!);
});
afterAll(async () => {
  await emulators?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function program(text: string, certificate = "ca.pem"): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", text], {
    cwd: ROOT,
    timeout: 30_000,
    env: {
      PATH: process.env.PATH,
      NODE_EXTRA_CA_CERTS: join(folder, certificate),
      SERVICE_BUS: emulators.serviceBus!.connectionString.replace("UseDevelopmentEmulator=true;", ""),
      EVENT_HUBS: emulators.eventHubs!.connectionString.replace("UseDevelopmentEmulator=true;", ""),
      EVENT_GRID: `${emulators.eventGrid!.secureEndpoint}/orders/api/events`,
      KEY: emulators.eventGrid!.key,
    },
  });
  return stdout.trim();
}

// fidelity service-bus: TLS for AMQP and the administration client
// fidelity event-hubs: TLS for token credentials
it("has one certificate for every door", async () => {
  const { serviceBus, eventHubs, eventGrid, certificate } = emulators;
  expect([serviceBus!.certificate, eventHubs!.certificate, eventGrid!.certificate]).toEqual([
    certificate,
    certificate,
    certificate,
  ]);
  const said = await program(`
    import { ServiceBusAdministrationClient, ServiceBusClient } from "@azure/service-bus";
    import { EventHubProducerClient } from "@azure/event-hubs";
    import { AzureKeyCredential, EventGridPublisherClient } from "@azure/eventgrid";
    const admin = new ServiceBusAdministrationClient(process.env.SERVICE_BUS);
    const bus = new ServiceBusClient(process.env.SERVICE_BUS);
    await bus.createSender("work").sendMessages({ body: "over tls" });
    const hub = new EventHubProducerClient(process.env.EVENT_HUBS, "hub");
    const grid = new EventGridPublisherClient(process.env.EVENT_GRID, "CloudEvent", new AzureKeyCredential(process.env.KEY));
    await grid.send([{ type: "t", source: "/s", data: {} }]);
    console.log((await admin.getQueueRuntimeProperties("work")).activeMessageCount, await hub.getPartitionIds());
    await bus.close();
    await hub.close();`);
  expect(said).toBe("1 [ '0' ]");
});

// fidelity service-bus: AMQP over WebSocket, with `tls`
// fidelity event-hubs: AMQP over WebSocket, with `tls`
it("speaks AMQP over WebSocket to both SDKs", async () => {
  const said = await program(`
    import { ServiceBusClient } from "@azure/service-bus";
    import { EventHubConsumerClient, EventHubProducerClient } from "@azure/event-hubs";
    const webSocketOptions = { webSocket: WebSocket };
    const bus = new ServiceBusClient(process.env.SERVICE_BUS, { webSocketOptions });
    const sender = bus.createSender("work");
    const receiver = bus.createReceiver("work");
    for (const old of await receiver.receiveMessages(10, { maxWaitTimeInMs: 200 })) await receiver.completeMessage(old);
    await sender.sendMessages([{ body: "x".repeat(200_000) }]);
    const [message] = await receiver.receiveMessages(1);
    await receiver.completeMessage(message);
    console.log(message.body.length, (await receiver.peekMessages(1)).length);
    const producer = new EventHubProducerClient(process.env.EVENT_HUBS, "hub", { webSocketOptions });
    await producer.sendBatch([{ body: "event" }]);
    await producer.close();
    const consumer = new EventHubConsumerClient("$Default", process.env.EVENT_HUBS, "hub", { webSocketOptions });
    const body = await new Promise((resolve) => consumer.subscribe("0", {
      processEvents: async ([event]) => event && resolve(event.body),
      processError: async (error) => resolve(error),
    }, { startPosition: { offset: "-1" } }));
    console.log(body);
    await consumer.close();
    await bus.close();`);
  expect(said.split("\n")).toEqual(["200000 0", "event"]);
});

it("upgrades nothing but its own path", async () => {
  const ask = (path: string, headers: Record<string, string>) =>
    new Promise<number | undefined>((resolve, reject) => {
      const request = get(`http://127.0.0.1:${emulators.eventHubs!.port}${path}`, { headers, agent: false });
      request.on("response", (response) => resolve(response.resume().statusCode));
      request.on("upgrade", (response, socket) => {
        socket.destroy();
        resolve(response.statusCode);
      });
      request.on("error", reject);
    });
  const upgrade = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  expect(await ask("/$servicebus/websocket", { ...upgrade, "sec-websocket-protocol": "AMQPWSB10" })).toBe(101);
  expect(await ask("/elsewhere", upgrade)).toBe(404);
  expect(await ask("/$servicebus/websocket", { ...upgrade, "sec-websocket-key": "short" })).toBe(400);
  expect(await ask("/", {})).toBe(404);
});
