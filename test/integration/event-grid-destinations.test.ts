import { EventHubProducerClient } from "@azure/event-hubs";
import { ServiceBusClient } from "@azure/service-bus";
import { QueueServiceClient } from "@azure/storage-queue";
import { createBus, type RawCloudEvent } from "@waybill/core";
import type { Adapter } from "@waybill/core/spi";
import {
  type AzureDestination,
  type Azurite,
  startAzurite,
  startEventHubsEmulator,
  startServiceBusEmulator,
} from "@waybill/emulators";
import { eventGrid } from "@waybill/event-grid";
import { eventHubs } from "@waybill/event-hubs";
import { serviceBus } from "@waybill/service-bus";
import { storageQueue } from "@waybill/storage-queue";
import { describe, expect, it, onTestFinished } from "vitest";
import { eventually, open } from "./emulator-event-grid.fixture.ts";

const extensions = { partitionkey: "o-1", traceparent: "00-1", count: 7, flag: false, myext: "ünï \u{1f4e6}" };
const EVENTS = [{ total: 42 }, "text", [1, { a: null }], 0, null].map(
  (data, index): RawCloudEvent =>
    ({ specversion: "1.0", id: String(index), source: "/shop", type: "placed", data, ...extensions }) as never,
);

/** Undefined, and a line that says why, on a machine without it. */
async function azuriteWith(parts: object): Promise<Azurite | undefined> {
  try {
    const azurite = await startAzurite(parts);
    onTestFinished(() => azurite.stop());
    return azurite;
  } catch (error) {
    if (process.env.CI) throw error;
    console.warn(`This destination of Event Grid is skipped: ${(error as Error).message}`);
    return undefined;
  }
}

/** Published to Event Grid by our adapter, delivered by Event Grid, read by the other adapter: the same events. */
async function arrive(endpointType: AzureDestination["endpointType"], send: AzureDestination["send"], reader: Adapter) {
  const emulator = await open({ topics: ["orders"] });
  await emulator.control.createSubscription("orders", { name: "billing", destination: { endpointType, send } });
  const topics = { orders: { endpoint: emulator.topicEndpoint("orders"), key: emulator.key } };
  const publishing = createBus({ source: "/shop", adapter: eventGrid({ kind: "custom", topics }) });
  const reading = createBus({ source: "/billing", adapter: reader });
  onTestFinished(async () => {
    await publishing.close();
    await reading.close();
  });
  const came: RawCloudEvent[] = [];
  await reading.subscribe("orders", { name: "billing" }, (event) => void came.push(event as RawCloudEvent));
  for (const [index, event] of EVENTS.entries()) {
    expect(await publishing.publishRaw("orders", event)).toMatchObject({ ok: true });
    // To a hub the service sends what waits together as one array.
    await eventually(() => emulator.control.state("orders", "billing").delivered === index + 1);
  }
  await eventually(() => came.length >= EVENTS.length);
  expect([...came].sort((a, b) => a.id.localeCompare(b.id))).toEqual(EVENTS);
}

describe("what Event Grid delivers is read by the adapter of its destination:", () => {
  it("a storage queue", async () => {
    const azurite = await azuriteWith({});
    if (azurite === undefined) return;
    const queue = QueueServiceClient.fromConnectionString(azurite.connectionString).getQueueClient("orders-billing");
    await queue.create();
    const { connectionString } = azurite;
    const names = { "orders/billing": "orders-billing" };
    const reader = storageQueue({ connectionString, names, maxPollMs: 100 });
    await arrive("StorageQueue", async ({ body }) => void (await queue.sendMessage(body)), reader);
  });

  it("a Service Bus topic", async () => {
    const emulator = await startServiceBusEmulator();
    onTestFinished(() => emulator.close());
    emulator.control.createTopic("orders");
    emulator.control.createSubscription("orders", "billing");
    const client = new ServiceBusClient(emulator.connectionString);
    onTestFinished(() => client.close());
    const sender = client.createSender("orders");
    const { connectionString } = emulator;
    const reader = serviceBus({ connectionString, ownQueues: false, subscriptions: { orders: ["billing"] } });
    await arrive(
      "ServiceBusTopic",
      ({ body, contentType, messageId, properties }) =>
        sender.sendMessages({ body: Buffer.from(body), contentType, messageId, applicationProperties: properties }),
      reader,
    );
  });

  it("an event hub", async () => {
    const azurite = await azuriteWith({ queues: false, blobs: true });
    if (azurite === undefined) return;
    const emulator = await startEventHubsEmulator({
      hubs: { orders: { partitionCount: 1, consumerGroups: ["billing"] } },
    });
    onTestFinished(() => emulator.close());
    const { connectionString } = emulator;
    const producer = new EventHubProducerClient(connectionString, "orders");
    onTestFinished(() => producer.close());
    const reader = eventHubs({ connectionString, checkpoints: { connectionString: azurite.connectionString } });
    await arrive(
      "EventHub",
      ({ body, contentType, properties }) => producer.sendBatch([{ body: Buffer.from(body), contentType, properties }]),
      reader,
    );
  });
});
