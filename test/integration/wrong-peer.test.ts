import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Adapter } from "@waybill/core/spi";
import { eventGrid } from "@waybill/event-grid";
import { eventHubs } from "@waybill/event-hubs";
import { kafka } from "@waybill/kafka";
import { serviceBus } from "@waybill/service-bus";
import { storageQueue } from "@waybill/storage-queue";
import { expect, it, onTestFinished } from "vitest";

/** Somebody else's port: what it does with a connection is all that it does. */
async function port(greet: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => greet(socket.on("error", () => undefined)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** How opening a sender and sending fails there. */
async function refusal(adapter: Adapter): Promise<unknown> {
  onTestFinished(() => adapter.close());
  const message = {
    id: "e-1",
    key: undefined,
    body: Buffer.from("{}"),
    headers: {},
    contentType: "application/cloudevents+json",
  };
  try {
    const sender = await adapter.openSender("orders");
    const [outcome] = await sender.send([message], AbortSignal.timeout(10_000));
    return outcome?.ok === false ? outcome.error : undefined;
  } catch (error) {
    return error;
  }
}

const namespace = (at: number) => `Endpoint=sb://127.0.0.1:${at};SharedAccessKeyName=a;SharedAccessKey=a2V5`;
const plain = (at: number) => `${namespace(at)};UseDevelopmentEmulator=true`;
const account = (at: number) =>
  `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5;QueueEndpoint=https://127.0.0.1:${at}/a`;

it.each<[string, (at: number) => Adapter]>([
  ["service-bus", (at) => serviceBus({ connectionString: plain(at) })],
  ["event-hubs", (at) => eventHubs({ connectionString: plain(at) })],
])("%s: a peer that hangs up at once may be a broker that is starting", async (_name, adapterAt) => {
  const adapter = adapterAt(await port((socket) => void socket.destroy()));
  expect(adapter.classify(await refusal(adapter))).toBe("transient");
});

it.each<[string, (at: number) => Adapter]>([
  ["storage-queue", (at) => storageQueue({ connectionString: account(at), subscriptions: { orders: ["billing"] } })],
  ["event-grid", (at) => eventGrid({ endpoint: `https://127.0.0.1:${at}`, key: "a2V5" })],
  ["kafka, engine platformatic", (at) => kafka({ brokers: `127.0.0.1:${at}`, ssl: true, engine: "platformatic" })],
])("%s: a peer without TLS is told from others that do not answer", async (_name, adapterAt) => {
  const adapter = adapterAt(await port((socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")));
  expect(await refusal(adapter)).toMatchObject({ hint: expect.stringContaining("speaks no TLS") });
});
