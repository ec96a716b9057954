import { BlobCheckpointStore } from "@azure/eventhubs-checkpointstore-blob";
import { ContainerClient } from "@azure/storage-blob";
import { createCodec, type Delivery, type OutboundMessage, type Receiver, type Source } from "@waybill/core/spi";
import { type Azurite, type EventHubsEmulator, startEventHubsEmulator } from "@waybill/emulators";
import { type EventHubsAdapter, type EventHubsOptions, eventHubs } from "@waybill/event-hubs";
import { afterAll, expect, onTestFinished } from "vitest";
import { testAzurite } from "../azurite/test-azurite.ts";
import { never, want } from "./sender-and-receiver.fixture.ts";

export const CONTAINER = "checkpoints";
const codec = createCodec();

interface SetUp extends Partial<EventHubsOptions> {
  readonly partitions?: number;
}

/** A hub of one test, with the group `billing`. */
interface Hub {
  readonly topic: string;
  /** Every adapter is closed when the test ends. */
  open(options?: Partial<EventHubsOptions>): EventHubsAdapter;
  source(startFrom?: Source["startFrom"]): Source;
  /** Of its first partition, unless told otherwise. */
  checkpoint(partition?: string): Promise<number | undefined>;
  state(): ReturnType<EventHubsEmulator["control"]["state"]>;
}

export interface Hubs {
  /** Undefined: the suite is to be skipped. */
  readonly azurite: Azurite | undefined;
  readonly emulator: EventHubsEmulator;
  readonly container: ContainerClient;
  readonly checkpoints: { readonly connectionString: string; readonly container: string };
  /** A hub of its own for each test. Partitions are shared out quickly. */
  setUp(options?: SetUp): Hub;
  /** A topic that no other test has. */
  freshTopic(): string;
}

/** An emulator, and Azurite for the positions, for one test file. */
export async function openHubs(suite: string): Promise<Hubs> {
  const azurite = await testAzurite(suite, { queues: false, blobs: true });
  const emulator = await startEventHubsEmulator();
  afterAll(async () => {
    await emulator.close();
    await azurite?.stop();
  });
  const connectionString = azurite?.connectionString ?? "UseDevelopmentStorage=true";
  const container = new ContainerClient(connectionString, CONTAINER);
  const checkpoints = { connectionString, container: CONTAINER };
  let topics = 0;
  const freshTopic = () => `topic-${++topics}`;
  return {
    azurite,
    emulator,
    container,
    checkpoints,
    freshTopic,
    setUp({ partitions = 1, ...options } = {}) {
      const topic = freshTopic();
      emulator.control.createHub(topic, { partitionCount: partitions, consumerGroups: ["billing"] });
      for (const own of [`${topic}.billing`, `${topic}.billing.dead`])
        emulator.control.createHub(own, { partitionCount: 1 });
      return {
        topic,
        open(more = {}) {
          const adapter = eventHubs({
            connectionString: emulator.connectionString,
            checkpoints,
            updateIntervalMs: 300,
            ownershipMs: 60_000,
            ...options,
            ...more,
          });
          onTestFinished(() => adapter.close());
          return adapter;
        },
        source: (startFrom = "earliest") => ({ topic, subscription: "billing", startFrom }),
        async checkpoint(partition = "0") {
          const found = await new BlobCheckpointStore(container).listCheckpoints("127.0.0.1", topic, "billing");
          return found.find(({ partitionId }) => partitionId === partition)?.sequenceNumber;
        },
        state: () => emulator.control.state(topic),
      };
    },
  };
}

export const event = (id: string, key = "k", data: unknown = { id }): OutboundMessage =>
  codec.encode({ specversion: "1.0", id, source: "/shop", type: "placed", data, partitionkey: key } as never, {
    headers: true,
  });
export const eventIn = (message: Delivery["message"]) => codec.decode(message).event;
export const idOf = ({ message }: Delivery) => eventIn(message).id;
export const ids = (count: number, prefix = "e") => Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

/** Receives until so many are there, or more. */
export async function receiveAll(receiver: Receiver, count: number, withinMs = 20_000): Promise<Delivery[]> {
  const found: Delivery[] = [];
  for (const until = Date.now() + withinMs; found.length < count && Date.now() < until; )
    found.push(...(await receiver.receive(want(), never)));
  expect(found.length).toBeGreaterThanOrEqual(count);
  return found;
}

export const soon = <T>(look: () => T): ReturnType<typeof expect.poll<T>> =>
  expect.poll(look, { timeout: 20_000, interval: 20 });
