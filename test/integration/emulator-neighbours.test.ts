import { EventHubConsumerClient } from "@azure/event-hubs";
import { AzureKeyCredential, EventGridPublisherClient } from "@azure/eventgrid";
import { ServiceBusClient } from "@azure/service-bus";
import { QueueClient } from "@azure/storage-queue";
import { type EventGridConfig, startEmulators } from "@waybill/emulators";
import { expect, it, onTestFinished } from "vitest";

// Event Grid hands events to the other emulators, as a file of JSON says it.

const CONFIG: EventGridConfig = {
  topics: [
    {
      name: "orders",
      subscriptions: [
        {
          name: "to-queue",
          destination: {
            endpointType: "ServiceBusQueue",
            entity: "ordered",
            deliveryAttributeMappings: [
              { name: "SessionId", type: "Dynamic", properties: { sourceField: "subject" } },
              { name: "Label", type: "Static", properties: { value: "from-grid" } },
              { name: "tenant", type: "Static", properties: { value: "t1" } },
            ],
          },
        },
        { name: "to-topic", destination: { endpointType: "ServiceBusTopic", entity: "fan" } },
        {
          name: "to-hub",
          destination: {
            endpointType: "EventHub",
            entity: "hub",
            deliveryAttributeMappings: [
              { name: "PartitionKey", type: "Dynamic", properties: { sourceField: "subject" } },
            ],
          },
        },
        { name: "to-storage", destination: { endpointType: "StorageQueue", entity: "stored" } },
        { name: "nowhere", destination: { endpointType: "ServiceBusQueue", entity: "missing" } },
      ],
    },
  ],
};

// fidelity event-grid: Storage queue, Service Bus and Event Hubs as destinations, with delivery attributes
it("reaches queues, topics, hubs and storage queues beside it", async () => {
  const emulators = await startEmulators({
    serviceBus: {
      config: {
        UserConfig: {
          Namespaces: [
            {
              Queues: [{ Name: "ordered", Properties: { RequiresSession: true } }],
              Topics: [{ Name: "fan", Subscriptions: [{ Name: "all" }] }],
            },
          ],
        },
      },
    },
    eventHubs: { hubs: { hub: { partitionCount: 4 } } },
    eventGrid: { config: JSON.parse(JSON.stringify(CONFIG)) },
  });
  onTestFinished(() => emulators.close());
  const queue = new QueueClient(emulators.storage!.connectionString, "stored");
  await queue.create();
  const { eventGrid } = emulators;
  const client = new EventGridPublisherClient(
    eventGrid!.topicEndpoint("orders"),
    "CloudEvent",
    new AzureKeyCredential(eventGrid!.key),
    { allowInsecureConnection: true },
  );
  await client.send([{ id: "e-1", type: "order.placed", source: "/shop", subject: "o-1", data: { total: 5 } }]);

  const bus = new ServiceBusClient(emulators.serviceBus!.connectionString);
  onTestFinished(() => bus.close());
  const session = await bus.acceptSession("ordered", "o-1");
  const [fromQueue] = await session.receiveMessages(1, { maxWaitTimeInMs: 5_000 });
  expect(fromQueue).toMatchObject({
    body: { id: "e-1", type: "order.placed", data: { total: 5 } },
    subject: "from-grid",
    sessionId: "o-1",
    contentType: "application/cloudevents+json; charset=utf-8",
    applicationProperties: { "aeg-subscription-name": "TO-QUEUE", "aeg-delivery-count": "0", tenant: "t1" },
  });
  expect(fromQueue!.messageId).toMatch(/^[0-9a-f-]{36}$/);
  const [fromTopic] = await bus.createReceiver("fan", "all").receiveMessages(1, { maxWaitTimeInMs: 5_000 });
  expect(fromTopic!.body).toMatchObject({ id: "e-1" });

  const consumer = new EventHubConsumerClient("$Default", emulators.eventHubs!.connectionString, "hub");
  onTestFinished(() => consumer.close());
  const events: { body: unknown; partitionKey: unknown }[] = [];
  consumer.subscribe(
    { processEvents: async (some) => void events.push(...some), processError: async () => undefined },
    { startPosition: { offset: "-1" }, maxWaitTimeInSeconds: 1 },
  );
  await expect.poll(() => events.length, { timeout: 10_000 }).toBe(1);
  expect(events[0]).toMatchObject({ body: [{ id: "e-1", data: { total: 5 } }], partitionKey: "o-1" });

  let stored: string | undefined;
  await expect
    .poll(async () => (stored ??= (await queue.receiveMessages()).receivedMessageItems[0]?.messageText))
    .toBeDefined();
  expect(JSON.parse(Buffer.from(stored!, "base64").toString())).toMatchObject({ id: "e-1" });

  // What is not there is not found, and tried again later, as at the service.
  expect(eventGrid!.control.state("orders", "nowhere")).toMatchObject({
    events: [{ id: "e-1", attempts: 1, lastOutcome: "NotFound" }],
  });
});

it("refuses a destination that has no way to go", async () => {
  const eventGrid = (entity: string | undefined) => ({
    topics: [
      { name: "orders", subscriptions: [{ name: "sub", destination: { endpointType: "EventHub" as const, entity } }] },
    ],
  });
  await expect(startEmulators({ only: ["event-grid"], eventGrid: eventGrid(undefined) })).rejects.toThrow(
    /needs 'entity' or 'send'/,
  );
});
