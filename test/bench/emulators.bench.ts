import { EventHubConsumerClient, EventHubProducerClient } from "@azure/event-hubs";
import { AzureKeyCredential, EventGridPublisherClient } from "@azure/eventgrid";
import { ServiceBusClient } from "@azure/service-bus";
import { type EmulatorProcess, startEmulatorProcess } from "../emulators/emulator-process.ts";
import type { BenchOptions, Result } from "./result.ts";

const BODY = "x".repeat(200);
const QUEUES = ["one", "many", "batch", "delete", "lock", "stream"];
const EVENT_GRID_API = "api-version=2024-06-01";

const CONFIG = {
  only: ["service-bus", "event-hubs", "event-grid"] as const,
  serviceBus: { config: { UserConfig: { Namespaces: [{ Queues: QUEUES.map((Name) => ({ Name })) }] } } },
  eventHubs: { hubs: { hub: { partitionCount: 1 } } },
  eventGrid: {
    topics: ["topic"],
    namespaces: [{ name: "dev", topics: [{ name: "pull", subscriptions: [{ name: "sub" }] }] }],
  },
};

interface Operation {
  readonly name: string;
  readonly messages: number;
  /** Before the time is taken. */
  readonly prepare?: (messages: number) => Promise<unknown>;
  readonly run: (messages: number) => Promise<unknown>;
}

/**
 * Messages of 200 bytes through each operation of the SDKs, the emulators in a process of their own: messages per second, and what each
 * side's processor spends on one. Where the emulator spends no more than the SDK, the SDK is what bounds the rate.
 */
export async function run({ quick, progress }: BenchOptions): Promise<Result[]> {
  const emulator = await startEmulatorProcess(CONFIG);
  const results: Result[] = [];
  try {
    const { operations, close } = open(emulator);
    for (const operation of operations) {
      const messages = Math.ceil(operation.messages / (quick ? 20 : 1));
      const warmUp = Math.ceil(messages / 10);
      await operation.prepare?.(warmUp + messages);
      await operation.run(warmUp);
      results.push(...(await measure(emulator, operation, messages)));
      progress(`${operation.name}: ${results.at(-3)!.value} messages/s`);
    }
    await close();
  } finally {
    await emulator.stop();
  }
  return results;
}

async function measure(emulator: EmulatorProcess, { name, run: work }: Operation, messages: number): Promise<Result[]> {
  const before = await emulator.usage("cpu");
  const own = process.cpuUsage();
  const began = performance.now();
  await work(messages);
  const ms = performance.now() - began;
  const { user, system } = process.cpuUsage(own);
  const sdkMs = (user + system) / 1_000;
  const emulatorMs = (await emulator.usage("cpu")).cpuMs - before.cpuMs;
  const perMessage = (value: number) => Math.round((value * 1_000 * 10) / messages) / 10;
  return [
    { name, value: Math.round((messages / ms) * 1_000), unit: "messages/s", higherIsBetter: true },
    { name: `${name}: SDK`, value: perMessage(sdkMs), unit: "µs CPU/message", higherIsBetter: false },
    {
      name: `${name}: emulator`,
      value: perMessage(emulatorMs),
      unit: "µs CPU/message",
      // No more than the SDK itself.
      aim: perMessage(sdkMs),
      higherIsBetter: false,
    },
  ];
}

function open(emulator: EmulatorProcess) {
  const bus = new ServiceBusClient(emulator.serviceBus);
  const producer = new EventHubProducerClient(emulator.eventHubs, "hub");
  const grid = new EventGridPublisherClient(
    `${emulator.eventGrid}/topic/api/events`,
    "CloudEvent",
    new AzureKeyCredential(emulator.eventGridKey),
    { allowInsecureConnection: true },
  );
  const operations: Operation[] = [
    {
      name: "Service Bus: send, one at a time",
      messages: 4_000,
      run: async (messages) => {
        const sender = bus.createSender("one");
        for (let sent = 0; sent < messages; sent += 1) await sender.sendMessages({ body: BODY });
      },
    },
    {
      name: "Service Bus: send, 100 at once",
      messages: 20_000,
      run: (messages) => {
        const sender = bus.createSender("many");
        return inParallel(100, messages, () => sender.sendMessages({ body: BODY }));
      },
    },
    { name: "Service Bus: send, batches of 100", messages: 50_000, run: (messages) => fill(bus, "batch", messages) },
    {
      name: "Service Bus: receive and delete",
      messages: 20_000,
      prepare: (messages) => fill(bus, "delete", messages),
      run: async (messages) => {
        const receiver = bus.createReceiver("delete", { receiveMode: "receiveAndDelete" });
        for (let got = 0; got < messages; )
          got += (await receiver.receiveMessages(Math.min(100, messages - got), { maxWaitTimeInMs: 1_000 })).length;
        await receiver.close();
      },
    },
    {
      name: "Service Bus: receive and complete",
      messages: 20_000,
      prepare: (messages) => fill(bus, "lock", messages),
      run: async (messages) => {
        const receiver = bus.createReceiver("lock", { maxAutoLockRenewalDurationInMs: 0 });
        for (let got = 0; got < messages; ) {
          const some = await receiver.receiveMessages(Math.min(100, messages - got), { maxWaitTimeInMs: 1_000 });
          await Promise.all(some.map((message) => receiver.completeMessage(message)));
          got += some.length;
        }
        await receiver.close();
      },
    },
    {
      name: "Service Bus: subscribe, 100 at once",
      messages: 20_000,
      prepare: (messages) => fill(bus, "stream", messages),
      run: async (messages) => {
        const receiver = bus.createReceiver("stream", { maxAutoLockRenewalDurationInMs: 0 });
        const done = Promise.withResolvers<void>();
        let got = 0;
        receiver.subscribe(
          {
            processMessage: async () => {
              got += 1;
              if (got === messages) done.resolve();
            },
            processError: async ({ error }) => done.reject(error),
          },
          { maxConcurrentCalls: 100 },
        );
        await done.promise;
        await receiver.close();
      },
    },
    {
      name: "Event Hubs: send, batches of 500",
      messages: 100_000,
      run: async (messages) => {
        for (let sent = 0; sent < messages; sent += 500)
          await producer.sendBatch(Array.from({ length: Math.min(500, messages - sent) }, () => ({ body: BODY })));
      },
    },
    { name: "Event Hubs: subscribe", messages: 50_000, run: (messages) => readHub(emulator.eventHubs, messages) },
    {
      name: "Event Grid: publish, 100 in a request",
      messages: 20_000,
      run: async (messages) => {
        const event = { type: "t", source: "/s", data: { body: BODY } };
        for (let sent = 0; sent < messages; sent += 100)
          await grid.send(Array.from({ length: Math.min(100, messages - sent) }, () => event));
      },
    },
    {
      name: "Event Grid: receive and acknowledge, 100 in a request",
      messages: 10_000,
      prepare: (messages) => fillGrid(emulator, messages),
      run: async (messages) => {
        const path = "/eventsubscriptions/sub";
        for (let got = 0; got < messages; ) {
          const max = Math.min(100, messages - got);
          const { value } = await askGrid(emulator, `${path}:receive?maxEvents=${max}&maxWaitTime=10&`, {});
          const lockTokens = value.map(({ brokerProperties }) => brokerProperties.lockToken);
          await askGrid(emulator, `${path}:acknowledge?`, { lockTokens });
          got += value.length;
        }
      },
    },
  ];
  const close = async () => void (await Promise.all([bus.close(), producer.close()]));
  return { operations, close };
}

async function inParallel(width: number, count: number, act: () => Promise<unknown>): Promise<void> {
  let begun = 0;
  const work = async () => {
    while (begun < count) {
      begun += 1;
      await act();
    }
  };
  await Promise.all(Array.from({ length: width }, work));
}

async function fill(bus: ServiceBusClient, queue: string, messages: number): Promise<void> {
  const sender = bus.createSender(queue);
  for (let sent = 0; sent < messages; sent += 100)
    await sender.sendMessages(Array.from({ length: Math.min(100, messages - sent) }, () => ({ body: BODY })));
}

/** From the beginning, so many. */
async function readHub(connectionString: string, messages: number): Promise<void> {
  const consumer = new EventHubConsumerClient("$Default", connectionString, "hub");
  const done = Promise.withResolvers<void>();
  let got = 0;
  consumer.subscribe(
    "0",
    {
      processEvents: async (events) => {
        got += events.length;
        if (got >= messages) done.resolve();
      },
      processError: async (error) => done.reject(error),
    },
    { startPosition: { offset: "-1" }, maxBatchSize: 500, maxWaitTimeInSeconds: 1 },
  );
  await done.promise;
  await consumer.close();
}

interface Received {
  readonly value: readonly { readonly brokerProperties: { readonly lockToken: string } }[];
}

async function askGrid(emulator: EmulatorProcess, operation: string, body: unknown, type = "application/json") {
  const response = await fetch(`${emulator.eventGrid}/topics/pull${operation}${EVENT_GRID_API}`, {
    method: "POST",
    headers: { authorization: `SharedAccessKey ${emulator.eventGridKey}`, "content-type": type },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`Event Grid answered ${response.status} to ${operation}`);
  return (await response.json()) as Received;
}

async function fillGrid(emulator: EmulatorProcess, messages: number): Promise<void> {
  for (let sent = 0; sent < messages; sent += 100) {
    const events = Array.from({ length: Math.min(100, messages - sent) }, (_, at) => ({
      specversion: "1.0",
      id: String(sent + at),
      source: "/s",
      type: "t",
      data: BODY,
    }));
    await askGrid(emulator, ":publish?", events, "application/cloudevents-batch+json");
  }
}
