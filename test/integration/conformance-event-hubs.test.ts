import { join } from "node:path";
import { EventHubConsumerClient, EventHubProducerClient } from "@azure/event-hubs";
import { ContainerClient } from "@azure/storage-blob";
import { type CapturedError, type Harness, realTime, runConformance } from "@waybill/conformance";
import type { Adapter } from "@waybill/core/spi";
import { type Azurite, type EventHubsEmulator, startAzurite, startEventHubsEmulator } from "@waybill/emulators";
import { eventHubs } from "@waybill/event-hubs";
import { afterAll, beforeAll, expect } from "vitest";
import { startTcpProxy, type TcpProxy } from "../chaos/broker/tcp-proxy.ts";
import { emulatorManagement, throughPort } from "./event-hubs.fixture.ts";

/** Few, because every consumer renews each; more than one, so that there are lanes. */
const PARTITIONS = 3;
const CONTAINER = "conformance";

let azurite: Azurite;
let emulator: EventHubsEmulator;
let captured: readonly CapturedError[] = [];
/** What each instance is connected through, so that it can be cut off. */
const lifelines = new WeakMap<Adapter, readonly TcpProxy[]>();
const opened: TcpProxy[] = [];

beforeAll(async () => {
  [azurite, emulator] = await Promise.all([
    startAzurite({ queues: false, blobs: true }),
    startEventHubsEmulator({ hubs: { errors: { partitionCount: 1 } } }),
  ]);
  captured = await captureErrors();
  // Beforehand, so that no plan of one case is changed by another.
  await new ContainerClient(azurite.connectionString, CONTAINER).createIfNotExists();
});
afterAll(async () => {
  await Promise.all(opened.map((line) => line.close()));
  await emulator?.close();
  await azurite?.stop();
});

const retryOptions = () => ({ retryOptions: { maxRetries: 0, timeoutInMs: 3_000 } });

/** Errors as the SDK really throws them. */
async function captureErrors(): Promise<readonly CapturedError[]> {
  const clients: { close(): Promise<void> }[] = [];
  const producer = (hub: string, connectionString = emulator.connectionString) => {
    const client = new EventHubProducerClient(connectionString, hub, retryOptions());
    clients.push(client);
    return client;
  };
  const thrown = (call: Promise<unknown>) =>
    call.then(
      () => new Error("This call was to fail."),
      (error: unknown) => error,
    );
  /** What a reader of this group is told. */
  const readerError = (group: string, owner: number) => {
    const client = new EventHubConsumerClient(group, emulator.connectionString, "errors", retryOptions());
    clients.push(client);
    return new Promise<unknown>((resolve) => {
      client.subscribe(
        "0",
        { processEvents: async () => undefined, processError: async (error) => resolve(error) },
        { ownerLevel: owner, startPosition: { offset: "-1" } },
      );
    });
  };
  const release = emulator.control.takeOver("errors", "0", { ownerLevel: 9 });
  const errors: CapturedError[] = [
    { what: "a missing hub", kind: "not-found", error: await thrown(producer("absent").createBatch()) },
    { what: "a missing consumer group", kind: "not-found", error: await readerError("absent", 1) },
    { what: "a partition that another reads", kind: "lost", error: await readerError("$Default", 1) },
    {
      what: "an event that is too large",
      kind: "too-large",
      error: await thrown(producer("errors").sendBatch([{ body: Buffer.alloc(1_100_000) }])),
    },
    {
      what: "nobody at that address",
      kind: "transient",
      error: await thrown(
        producer("errors", throughPort(emulator.connectionString, emulator.port, 1)).getPartitionIds(),
      ),
    },
  ];
  release();
  await Promise.all(clients.map((client) => client.close().catch(() => undefined)));
  return errors;
}

runConformance<Harness>({
  name: "event-hubs",
  concurrent: true,
  timeoutMs: 120_000,
  harness: () => ({
    time: realTime({ quietMs: 1_000, patienceMs: 45_000 }),
    captured,
    prepare: async (topic, subscriptions) => {
      const hub = { partitionCount: PARTITIONS };
      emulator.control.createHub(topic, { ...hub, consumerGroups: subscriptions });
      for (const subscription of subscriptions) {
        emulator.control.createHub(`${topic}.${subscription}`, { partitionCount: 1 });
        emulator.control.createHub(`${topic}.${subscription}.dead`, { partitionCount: 1 });
      }
    },
    crash: async (adapter) => {
      for (const line of lifelines.get(adapter) ?? []) line.refuse(true);
    },
    revoke: async (_adapter, { topic, subscription }) => {
      const readers = () =>
        emulator.control
          .state(topic)
          .flatMap((partition) =>
            partition.readers.filter((reader) => reader.consumerGroup === subscription).map(({ name }) => name),
          );
      const before = readers();
      const releases = emulator.control
        .state(topic)
        .map(({ id }) => emulator.control.takeOver(topic, id, { consumerGroup: subscription }));
      expect(readers()).toEqual(releases.map(() => "control"));
      for (const release of releases) release();
      // The adapter reads again, which it does not before it has heard that it had lost them.
      await expect.poll(readers, { timeout: 20_000 }).toHaveLength(before.length);
    },
  }),
  open: async ({ subscriptions }) => {
    const blobPort = Number(new URL(azurite.blobEndpoint as string).port);
    const lines = [await startTcpProxy(emulator.port), await startTcpProxy(blobPort)] as const;
    opened.push(...lines);
    const adapter = eventHubs({
      connectionString: throughPort(emulator.connectionString, emulator.port, lines[0].port),
      checkpoints: {
        connectionString: throughPort(azurite.connectionString, blobPort, lines[1].port),
        container: CONTAINER,
      },
      subscriptions,
      retryHubs: true,
      management: emulatorManagement(emulator, PARTITIONS),
      // As short as a busy machine keeps, so that the cases which wait for another's end are quick.
      updateIntervalMs: 500,
      ownershipMs: 4_000,
    });
    lifelines.set(adapter, lines);
    return adapter;
  },
  resultsDirectory: join(import.meta.dirname, "../../node_modules/.cache/waybill/conformance"),
});
