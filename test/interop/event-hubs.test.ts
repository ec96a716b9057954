import {
  type Checkpoint,
  EventHubConsumerClient,
  EventHubProducerClient,
  type ReceivedEventData,
  type SubscribeOptions,
} from "@azure/event-hubs";
import { BlobCheckpointStore } from "@azure/eventhubs-checkpointstore-blob";
import { ContainerClient } from "@azure/storage-blob";
import { type Azurite, type EventHubsEmulator, startAzurite, startEventHubsEmulator } from "@waybill/emulators";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bytes, long, missing, run, time, uuid } from "./suite.ts";

interface Described {
  readonly partition_id: string;
  readonly body: { readonly $bytes: string };
  readonly sequence_number: number;
  readonly offset: string;
  readonly enqueued_time: { readonly $time: number };
}

const text = ({ body }: Described) => Buffer.from(body.$bytes, "hex").toString();
const eventually = <T>(look: () => T) => expect.poll(look, { timeout: 20_000, interval: 20 });

describe.skipIf(missing !== undefined)("Python's azure-eventhub", () => {
  const hubs = Object.fromEntries(
    ["from-python", "annotated", "to-python", "keys", "epochs", "checkpoints"].map((hub) => [
      hub,
      { partitionCount: 4 },
    ]),
  );
  let emulator: EventHubsEmulator;
  let azurite: Azurite | undefined;
  const clients: { close(): Promise<void> }[] = [];
  const options = {
    retryOptions: { maxRetries: 0, timeoutInMs: 10_000 },
    loadBalancingOptions: { strategy: "greedy" as const, updateIntervalInMs: 500 },
  };

  beforeAll(async () => {
    // Every token is checked: Python signs in its own way.
    emulator = await startEventHubsEmulator({ hubs, accessPolicies: [] });
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await emulator?.close();
    await azurite?.stop();
  });

  const python = <T>(program: string, hub: string, argument: object = {}) =>
    run<T>(program, { connection_string: emulator.connectionString, eventhub_name: hub, ...argument });
  function keep<T extends { close(): Promise<void> }>(client: T): T {
    clients.push(client);
    return client;
  }
  const producer = (hub: string) => keep(new EventHubProducerClient(emulator.connectionString, hub, options));
  const consumer = (hub: string, store?: BlobCheckpointStore) =>
    keep(
      store === undefined
        ? new EventHubConsumerClient("$Default", emulator.connectionString, hub, options)
        : new EventHubConsumerClient("$Default", emulator.connectionString, hub, store, options),
    );

  /** Reads one partition from its beginning, until the client is closed. */
  function read(hub: string, partition: string, more: SubscribeOptions = {}) {
    const events: ReceivedEventData[] = [];
    const errors: { code?: string }[] = [];
    consumer(hub).subscribe(
      partition,
      {
        processEvents: async (some) => void events.push(...some),
        processError: async (error) => void errors.push(error as { code?: string }),
      },
      { startPosition: { offset: "-1" }, maxWaitTimeInSeconds: 1, ...more },
    );
    return { events, errors };
  }

  it("sends events that the JS SDK reads, in order", async () => {
    const id = "01234567-89ab-cdef-0123-456789abcdef";
    const first = {
      body: bytes(Buffer.from([0, 0x80, 255])),
      content_type: "application/octet-stream",
      correlation_id: "c",
      message_id: "m",
      properties: {
        text: "ä",
        int: -5,
        long: long(2 ** 40),
        float: 1.5,
        yes: true,
        no: false,
        bytes: bytes("\u0000x"),
        id: uuid(id),
        when: time(1_700_000_000_123),
      },
    };
    const events = [first, ...["1", "2", "3"].map((at) => ({ body: bytes(at) }))];
    const batches = [
      { options: { partition_id: "2" }, events },
      { options: { partition_id: "2" }, events: [{ body: bytes("4") }] },
    ];
    const sent = await python<{ max_sizes: number[] }>("event_hubs_send.py", "from-python", { batches });
    expect(sent.max_sizes).toEqual([1_048_576, 1_048_576]);
    const reading = read("from-python", "2");
    await eventually(() => reading.events).toHaveLength(5);
    expect(reading.events[0]).toMatchObject({
      body: Buffer.from([0, 0x80, 255]),
      contentType: "application/octet-stream",
      correlationId: "c",
      messageId: "m",
      sequenceNumber: 0,
    });
    expect(reading.events[0]!.properties).toEqual({
      text: "ä",
      int: -5,
      long: 2 ** 40,
      float: 1.5,
      // The JS SDK copies a property's bytes into an object by index. Python writes a boolean as AMQP's 0x56 and one octet,
      // which rhea in the JS SDK reads as a number.
      yes: 1,
      no: 0,
      bytes: { ...Buffer.from("\u0000x") },
      id: { ...Buffer.from(id.replaceAll("-", ""), "hex") },
      when: 1_700_000_000_123,
    });
    expect(reading.events.slice(1).map(({ body, sequenceNumber }) => [String(body), sequenceNumber])).toEqual([
      ["1", 1],
      ["2", 2],
      ["3", 3],
      ["4", 4],
    ]);
  });

  it("sends every section, delivery annotations last, as the service takes them", async () => {
    expect(await python("event_hubs_annotated.py", "annotated")).toEqual({ error: null });
    const { events } = read("annotated", "1");
    await eventually(() => events).toHaveLength(1);
    const message = events[0]!.getRawAmqpMessage();
    expect(message).toMatchObject({
      body: { content: [Buffer.from("a"), Buffer.from("b")] },
      header: { priority: 7 },
      deliveryAnnotations: { hop: 1 },
      messageAnnotations: { own: 2 },
      properties: { subject: "s" },
      applicationProperties: { name: "n" },
      footer: { end: 3 },
    });
  });

  it("is told that there is no hub while it shows its token", async () => {
    // A link that is refused would be a lost connection to Python's client.
    expect(await python("event_hubs_annotated.py", "nowhere")).toEqual({
      error: "AuthenticationError",
      message: expect.stringContaining("could not be found"),
    });
  });

  it("reads what the JS SDK sent, from the beginning, an offset, a number and a time", async () => {
    const client = producer("to-python");
    await client.sendBatch(
      [
        {
          body: Buffer.from([0, 255]),
          properties: { text: "ä", int: 7, long: 2 ** 40, float: 1.5, yes: true, when: new Date(5) },
          contentType: "text/plain",
          correlationId: "c",
          messageId: "m",
        },
        { body: Buffer.from("1") },
        { body: Buffer.from("2") },
      ],
      { partitionId: "1" },
    );
    const from = (count: number, starting: object) =>
      python<Described[]>("event_hubs_receive.py", "to-python", {
        count,
        options: { partition_id: "1", ...starting },
      });
    const all = await from(3, { starting_position: "-1", track_last_enqueued_event_properties: true });
    const at = await client.getPartitionProperties("1");
    expect(all[0]).toMatchObject({
      body: bytes(Buffer.from([0, 255])),
      properties: { text: "ä", int: 7, long: 2 ** 40, float: 1.5, yes: true, when: 5 },
      content_type: "text/plain",
      correlation_id: "c",
      message_id: "m",
      sequence_number: 0,
      offset: "0",
    });
    expect(all[2]).toMatchObject({
      sequence_number: 2,
      offset: at.lastEnqueuedOffset,
      enqueued_time: time(at.lastEnqueuedOnUtc),
      last: {
        sequence_number: 2,
        offset: at.lastEnqueuedOffset,
        enqueued_time: time(at.lastEnqueuedOnUtc),
      },
    });
    const [after, including, timed] = await Promise.all([
      from(2, { starting_position: all[0]!.offset }),
      from(1, { starting_position: 2, starting_position_inclusive: true }),
      from(3, { starting_position: time(all[0]!.enqueued_time.$time - 1) }),
    ]);
    expect(after.map(text)).toEqual(["1", "2"]);
    expect(including.map(text)).toEqual(["2"]);
    expect(timed.map((event) => event.sequence_number)).toEqual([0, 1, 2]);
  });

  it("puts a partition key where the JS SDK puts it, and sees the same properties", async () => {
    const keys = Array.from({ length: 12 }, (_, at) => `schlüssel-${at}-${"x".repeat(at)}`);
    await python("event_hubs_send.py", "keys", {
      batches: keys.map((key) => ({ options: { partition_key: key }, events: [{ body: bytes("Python") }] })),
    });
    const client = producer("keys");
    for (const key of keys) await client.sendBatch([{ body: Buffer.from("JS") }], { partitionKey: key });
    const readings = ["0", "1", "2", "3"].map((id) => read("keys", id));
    const count = () => readings.reduce((sum, { events }) => sum + events.length, 0);
    await eventually(count).toBe(keys.length * 2);
    const where = (sender: string) =>
      Object.fromEntries(
        readings.flatMap(({ events }, partition) =>
          events.filter(({ body }) => String(body) === sender).map(({ partitionKey }) => [partitionKey, partition]),
        ),
      );
    expect(Object.keys(where("Python")).toSorted()).toEqual(keys.toSorted());
    expect(where("Python")).toEqual(where("JS"));
    expect(new Set(Object.values(where("JS"))).size).toBeGreaterThan(1);

    const told = await python<{ hub: object; partitions: object[] }>("event_hubs_properties.py", "keys");
    const hub = await client.getEventHubProperties();
    expect(told.hub).toMatchObject({
      eventhub_name: "keys",
      partition_ids: hub.partitionIds,
      created_at: time(hub.createdOn),
    });
    const partitions = await Promise.all(hub.partitionIds.map((id) => client.getPartitionProperties(id)));
    expect(told.partitions).toEqual(
      partitions.map((one) => ({
        eventhub_name: "keys",
        id: one.partitionId,
        beginning_sequence_number: one.beginningSequenceNumber,
        last_enqueued_sequence_number: one.lastEnqueuedSequenceNumber,
        last_enqueued_offset: one.lastEnqueuedOffset,
        last_enqueued_time_utc: time(one.lastEnqueuedOnUtc),
        is_empty: one.isEmpty,
      })),
    );
  });

  it("displaces a reader of a lower owner level, and is refused under a higher one", async () => {
    await producer("epochs").sendBatch([{ body: Buffer.from("x") }], { partitionId: "0" });
    const lower = read("epochs", "0", { ownerLevel: 1 });
    await eventually(() => lower.events).toHaveLength(1);
    const argument = { count: 1, options: { partition_id: "0", starting_position: "-1", owner_level: 2 } };
    expect(await python("event_hubs_receive.py", "epochs", argument)).toHaveLength(1);
    await eventually(() => lower.errors[0]).toMatchObject({ code: "ReceiverDisconnectedError" });

    const higher = read("epochs", "0", { ownerLevel: 3 });
    await eventually(() => higher.events).toHaveLength(1);
    expect(await python("event_hubs_receive.py", "epochs", argument)).toMatchObject({
      error: "ConnectionLostError",
      message: expect.stringContaining("amqp:link:stolen"),
    });
    expect(higher.errors).toEqual([]);
  });

  it("continues after the JS SDK's checkpoint in a blob, and the JS SDK after its own", async () => {
    const storage = await startAzurite({ blobs: true, queues: false });
    azurite = storage;
    const container = new ContainerClient(storage.connectionString, "checkpoints");
    await container.create();
    const store = new BlobCheckpointStore(container);
    await producer("checkpoints").sendBatch(
      ["0", "1", "2", "3", "4", "5"].map((at) => ({ body: Buffer.from(at) })),
      { partitionId: "3" },
    );
    const inPython = (count: number, checkpointAt: string) =>
      python<Described[]>("event_hubs_checkpoint.py", "checkpoints", {
        storage: storage.connectionString,
        container: "checkpoints",
        count,
        checkpoint_at: bytes(checkpointAt),
      });
    const client = consumer("checkpoints", store);
    const checkpoint = async (): Promise<Checkpoint | undefined> =>
      (await store.listCheckpoints(client.fullyQualifiedNamespace, "checkpoints", "$Default"))[0];

    const seen: string[] = [];
    const first = client.subscribe(
      {
        processEvents: async (events, context) => {
          seen.push(...events.map(({ body }) => String(body)));
          if (events[1] !== undefined) await context.updateCheckpoint(events[1]);
        },
        processError: async () => undefined,
      },
      { startPosition: { offset: "-1" }, maxBatchSize: 10 },
    );
    await eventually(() => seen).toHaveLength(6);
    await first.close();
    expect(await checkpoint()).toMatchObject({ partitionId: "3", sequenceNumber: 1 });

    const read = await inPython(4, "3");
    expect(read.map(text)).toEqual(["2", "3", "4", "5"]);
    expect(await checkpoint()).toMatchObject({ partitionId: "3", sequenceNumber: 3, offset: read[1]!.offset });

    const rest: string[] = [];
    const second = client.subscribe(
      {
        processEvents: async (events) => void rest.push(...events.map(({ body }) => String(body))),
        processError: async () => undefined,
      },
      { startPosition: { offset: "-1" } },
    );
    await eventually(() => rest).toEqual(["4", "5"]);
    await second.close();
  });
});
