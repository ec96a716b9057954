import { EventHubConsumerClient, EventHubProducerClient } from "@azure/event-hubs";
import { ServiceBusClient } from "@azure/service-bus";
import { type EmulatorProcess, startEmulatorProcess } from "../../emulators/emulator-process.ts";
import type { ChaosOptions, ChaosReport } from "../chaos-case.ts";

const BATCH = 500;
const BODY = "x".repeat(200);
/** What may come on top after the first tenth: caches that fill, and the collector's leftovers. */
const SLACK = 6 * 1024 * 1024;
const RETAINED = 8 * 1024 * 1024;

const CONFIG = {
  only: ["service-bus", "event-hubs"] as const,
  serviceBus: { config: { UserConfig: { Namespaces: [{ Queues: [{ Name: "work" }] }] } } },
  eventHubs: { hubs: { work: { partitionCount: 1, retentionBytes: RETAINED } } },
};

/** So many messages through a queue, then so many events through a partition, and what the emulators hold after each tenth. */
export async function run({ events, progress }: Pick<ChaosOptions, "events" | "progress">) {
  const emulator = await startEmulatorProcess(CONFIG);
  try {
    const queue = await sample(emulator, events, progress, "queue", await throughQueue(emulator.serviceBus));
    const hub = await sample(emulator, events, progress, "hub", await throughHub(emulator.eventHubs));
    const isFlat = (bytes: readonly number[]) => Math.max(...bytes.slice(1)) - bytes[0]! < SLACK;
    const report: ChaosReport & { readonly queueBytes: readonly number[]; readonly hubBytes: readonly number[] } = {
      // A hub fills its retention first.
      ok: isFlat(queue) && Math.max(...hub) - queue.at(-1)! < SLACK + 2 * RETAINED,
      messages: events,
      queueBytes: queue,
      hubBytes: hub,
      rss: (await emulator.usage("memory")).rss,
    };
    return report;
  } finally {
    await emulator.stop();
  }
}

interface Through {
  /** Sends so many, and resolves when all of them have been received. */
  pass(count: number): Promise<void>;
  close(): Promise<void>;
}

async function sample(
  emulator: EmulatorProcess,
  events: number,
  progress: (line: string) => void,
  name: string,
  through: Through,
): Promise<number[]> {
  const bytes: number[] = [];
  for (let tenth = 1; tenth <= 10; tenth += 1) {
    await through.pass(Math.ceil(events / 10));
    bytes.push((await emulator.usage("memory")).bytes);
    progress(`${name}: ${tenth}0 %, ${(bytes.at(-1)! / 2 ** 20).toFixed(1)} MiB`);
  }
  await through.close();
  return bytes;
}

async function throughQueue(connectionString: string): Promise<Through> {
  const client = new ServiceBusClient(connectionString);
  const sender = client.createSender("work");
  const receiver = client.createReceiver("work", { receiveMode: "receiveAndDelete" });
  return {
    pass: async (count) => {
      const send = async () => {
        for (let sent = 0; sent < count; sent += BATCH)
          await sender.sendMessages(Array.from({ length: Math.min(BATCH, count - sent) }, () => ({ body: BODY })));
      };
      const receive = async () => {
        for (let received = 0; received < count; )
          received += (await receiver.receiveMessages(Math.min(BATCH, count - received), { maxWaitTimeInMs: 1_000 }))
            .length;
      };
      await Promise.all([send(), receive()]);
    },
    close: () => client.close(),
  };
}

async function throughHub(connectionString: string): Promise<Through> {
  const producer = new EventHubProducerClient(connectionString, "work");
  const consumer = new EventHubConsumerClient("$Default", connectionString, "work");
  let received = 0;
  let total = 0;
  consumer.subscribe(
    "0",
    {
      processEvents: async (events) => {
        received += events.length;
      },
      processError: async (error) => {
        throw error;
      },
    },
    { startPosition: { offset: "-1" }, maxBatchSize: BATCH, maxWaitTimeInSeconds: 1 },
  );
  return {
    pass: async (count) => {
      total += count;
      for (let sent = 0; sent < count; sent += BATCH) {
        await producer.sendBatch(Array.from({ length: Math.min(BATCH, count - sent) }, () => ({ body: BODY })));
        // Retention must not take away what was not read yet.
        while (total - count + sent - received > 5_000) await new Promise((resolve) => setTimeout(resolve, 2));
      }
      while (received < total) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    close: async () => {
      await consumer.close();
      await producer.close();
    },
  };
}
