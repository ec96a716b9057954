import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { EventHubBufferedProducerClient, EventHubProducerClient, type EventPosition } from "@azure/event-hubs";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  bodies,
  eventually,
  open,
  read,
  send,
  startEventHubsEmulator,
  type TokenRequest,
} from "./emulator-event-hubs.fixture.ts";

describe("properties", () => {
  // fidelity event-hubs: properties of hub and partitions
  // fidelity event-hubs partial: geo-replication — told in the hub's properties, nothing is copied
  it("of a hub", async () => {
    const before = Date.now();
    const { producer } = await open({ hubs: { orders: { partitionCount: 3, geoReplicationFactor: 2 } } });
    const properties = await producer().getEventHubProperties();
    expect(properties).toMatchObject({ name: "orders", partitionIds: ["0", "1", "2"], isGeoDrEnabled: true });
    expect(properties.createdOn.getTime()).toBeGreaterThanOrEqual(before);
    expect(await producer().getPartitionIds()).toEqual(["0", "1", "2"]);
  });

  // fidelity event-hubs: properties of hub and partitions
  it("of a partition, empty and not", async () => {
    const { producer } = await open();
    const client = producer();
    expect(await client.getPartitionProperties("1")).toEqual({
      eventHubName: "orders",
      partitionId: "1",
      beginningSequenceNumber: 0,
      lastEnqueuedSequenceNumber: -1,
      lastEnqueuedOffset: "-1",
      lastEnqueuedOnUtc: new Date(-62_135_596_800_000),
      isEmpty: true,
    });
    const before = Date.now();
    await send(client, "1", "a", "b", "c");
    const after = await client.getPartitionProperties("1");
    expect(after).toMatchObject({ beginningSequenceNumber: 0, lastEnqueuedSequenceNumber: 2, isEmpty: false });
    expect(Number(after.lastEnqueuedOffset)).toBeGreaterThan(2);
    expect(after.lastEnqueuedOnUtc.getTime()).toBeGreaterThanOrEqual(before);
    expect((await client.getPartitionProperties("0")).isEmpty).toBe(true);
  });

  // fidelity event-hubs: codes for what is not there
  it("of what is not there", async () => {
    const { producer } = await open();
    await expect(producer("nothing").getEventHubProperties()).rejects.toMatchObject({
      code: "MessagingEntityNotFoundError",
    });
    for (const id of ["2", "-1", "x"])
      await expect(producer().getPartitionProperties(id)).rejects.toMatchObject({
        code: "ArgumentOutOfRangeError",
        message: expect.stringContaining("between 0 and 1"),
      });
  });
});

describe("send and receive", () => {
  // fidelity event-hubs: every field, AMQP types, bytes, annotations
  it("carries every field, and adds its own", async () => {
    const { producer, consumer } = await open();
    await producer().sendBatch(
      [
        {
          body: { total: 1.5 },
          properties: { text: "é", number: 7, flag: true, when: new Date(5) },
          contentType: "application/json",
          messageId: "m-1",
          correlationId: "c-1",
        },
        { body: "second" },
      ],
      { partitionKey: "k" },
    );
    const readings = ["0", "1"].map((id) => read(consumer(), id));
    const all = () => readings.flatMap(({ events }) => events);
    await eventually(all).toHaveLength(2);
    const [first, second] = all();
    expect(first).toMatchObject({
      body: { total: 1.5 },
      properties: { text: "é", number: 7, flag: true, when: 5 },
      contentType: "application/json",
      messageId: "m-1",
      correlationId: "c-1",
      partitionKey: "k",
      sequenceNumber: 0,
      offset: "0",
    });
    expect(second).toMatchObject({ body: "second", sequenceNumber: 1, partitionKey: "k" });
    expect(Number(second?.offset)).toBeGreaterThan(1);
    expect(Math.abs(Date.now() - first!.enqueuedTimeUtc.getTime())).toBeLessThan(10_000);
  });

  // fidelity event-hubs: every field, AMQP types, bytes, annotations
  it("keeps AMQP types, bytes and annotations as they were sent", async () => {
    const { producer, consumer } = await open();
    const bytes = Buffer.from([0, 255, 1]);
    await producer().sendBatch(
      [
        { body: bytes },
        {
          body: [1, "two"],
          bodyType: "sequence",
          messageAnnotations: { "x-own": 3, "x-opt-sequence-number": 99 },
          properties: { groupId: "g", subject: "s" },
        },
        { body: { v: 1 }, bodyType: "value" },
      ],
      { partitionId: "0" },
    );
    const { events } = read(consumer(), "0");
    await eventually(() => events).toHaveLength(3);
    expect(events[0]?.body).toEqual(bytes);
    expect(events[1]?.getRawAmqpMessage().bodyType).toBe("sequence");
    expect(events[1]?.body).toEqual([1, "two"]);
    expect(events[1]?.sequenceNumber).toBe(1);
    expect(events[1]?.systemProperties).toMatchObject({ "x-own": 3, groupId: "g", subject: "s" });
    expect(events[2]?.getRawAmqpMessage().bodyType).toBe("value");
    expect(events[2]?.body).toEqual({ v: 1 });
  });

  // fidelity event-hubs: send in batches, round the partitions
  it("goes round the partitions batch by batch without a key", async () => {
    const { producer, control } = await open();
    const client = producer();
    for (let at = 0; at < 6; at += 1) await client.sendBatch([{ body: at }, { body: at }]);
    expect(control.state("orders").map(({ eventCount }) => eventCount)).toEqual([6, 6]);
  });

  // fidelity event-hubs: partition keys by the service's hash; the buffered producer agrees
  it("puts a key where the buffered producer puts it", async () => {
    const { producer, consumer, connectionString } = await open({ hubs: { orders: { partitionCount: 8 } } });
    const keys = Array.from({ length: 40 }, (_, at) => `schlüssel-${at}-${"x".repeat(at)}`);
    const client = producer();
    for (const key of keys) await client.sendBatch([{ body: key }], { partitionKey: key });
    const errors: unknown[] = [];
    const buffered = new EventHubBufferedProducerClient(connectionString, "orders", {
      onSendEventsErrorHandler: async ({ error }) => void errors.push(error),
    });
    for (const key of keys) await buffered.enqueueEvent({ body: key }, { partitionKey: key });
    await buffered.close({ flush: true });
    expect(errors).toEqual([]);
    const places = new Map<unknown, string[]>();
    const readings = Array.from({ length: 8 }, (_, at) => read(consumer(), String(at)));
    await eventually(() => readings.reduce((sum, { events }) => sum + events.length, 0)).toBe(80);
    readings.forEach(({ events }, at) => {
      for (const { body } of events) places.set(body, [...(places.get(body) ?? []), String(at)]);
    });
    for (const [, [service, sdk]] of places) expect(service).toBe(sdk);
    expect(new Set([...places.values()].flat()).size).toBe(8);
  });

  // fidelity event-hubs: names in any case
  it("takes hub, group and partition names in any case", async () => {
    const { producer, consumer } = await open();
    await send(producer("ORDERS"), "0", 1);
    const { events } = read(consumer("Orders", "BILLING"), "0");
    await eventually(() => bodies(events)).toEqual([1]);
  });
});

describe("start position", () => {
  it.each<
    [
      string,
      (events: readonly { offset: string; sequenceNumber: number; enqueuedTimeUtc: Date }[]) => EventPosition,
      number[],
    ]
  >([
    ["earliest", () => ({ offset: "-1" }), [0, 1, 2, 3]],
    ["an offset", (e) => ({ offset: e[1]!.offset }), [2, 3]],
    ["an offset, inclusive", (e) => ({ offset: e[1]!.offset, isInclusive: true }), [1, 2, 3]],
    ["a sequence number", (e) => ({ sequenceNumber: e[2]!.sequenceNumber }), [3]],
    ["a sequence number, inclusive", (e) => ({ sequenceNumber: e[2]!.sequenceNumber, isInclusive: true }), [2, 3]],
    ["the last sequence number", (e) => ({ sequenceNumber: e[3]!.sequenceNumber }), []],
    ["an enqueued time", (e) => ({ enqueuedOn: e[1]!.enqueuedTimeUtc }), [2, 3]],
    ["a time between", (e) => ({ enqueuedOn: new Date(e[1]!.enqueuedTimeUtc.getTime() - 1) }), [1, 2, 3]],
    ["latest", () => ({ offset: "@latest" }), []],
  ])("%s", async (_name, position, expected) => {
    const { producer, consumer, control } = await open();
    const client = producer();
    for (let at = 0; at < 4; at += 1) {
      await send(client, "0", at);
      control.advanceClock(60_000);
    }
    const earlier = read(consumer(), "0");
    await eventually(() => earlier.events).toHaveLength(4);
    await earlier.stop();
    const reading = read(consumer(), "0", { startPosition: position(earlier.events) });
    await eventually(() => control.state("orders")[0]?.readers.length).toBe(1);
    await send(client, "0", "new");
    await eventually(() => bodies(reading.events)).toEqual([...expected, "new"]);
  });

  // fidelity event-hubs: start at earliest, latest, an offset, a sequence number, a time
  it("refuses what is not reached yet", async () => {
    const { producer, consumer } = await open();
    await send(producer(), "0", "a");
    for (const startPosition of [{ sequenceNumber: 1 }, { offset: "100000" }]) {
      const { errors } = read(consumer(), "0", { startPosition });
      await eventually(() => errors).toMatchObject([
        { code: "ArgumentError", message: expect.stringMatching(/The last .* in the system is '0'/) },
      ]);
    }
  });
});

describe("limits and errors", () => {
  // fidelity event-hubs: size limits
  it("tells the largest size, and refuses a larger batch", async () => {
    const { producer, control } = await open({ hubs: { orders: { partitionCount: 1, maxMessageBytes: 4096 } } });
    const client = producer();
    const batch = await client.createBatch();
    expect(batch.maxSizeInBytes).toBe(4096);
    expect(batch.tryAdd({ body: "x".repeat(5000) })).toBe(false);
    await expect(client.sendBatch([{ body: "x".repeat(5000) }])).rejects.toMatchObject({
      code: "MessageTooLargeError",
    });
    await client.sendBatch([{ body: "small" }]);
    expect(control.state("orders")[0]).toMatchObject({ eventCount: 1 });
  });

  // fidelity event-hubs: size limits
  it("a full batch of a megabyte fits", async () => {
    const { producer, control } = await open();
    const batch = await producer().createBatch({ partitionId: "0" });
    expect(batch.maxSizeInBytes).toBe(1_048_576);
    while (batch.tryAdd({ body: Buffer.alloc(1000) }));
    await producer().sendBatch(batch);
    expect(control.state("orders")[0]?.eventCount).toBe(batch.count);
  });

  // fidelity event-hubs: codes for what is not there
  it("unknown hub, partition and consumer group", async () => {
    const { producer, consumer } = await open();
    await expect(producer("nothing").sendBatch([{ body: 1 }])).rejects.toMatchObject({
      code: "MessagingEntityNotFoundError",
    });
    await expect(send(producer(), "9", 1)).rejects.toMatchObject({ code: "ArgumentOutOfRangeError" });
    const noGroup = read(consumer("orders", "nobody"), "0");
    await eventually(() => noGroup.errors).toMatchObject([{ code: "MessagingEntityNotFoundError" }]);
    const noPartition = read(consumer(), "9");
    await eventually(() => noPartition.errors).toMatchObject([{ code: "ArgumentOutOfRangeError" }]);
  });

  // fidelity event-hubs partial: tokens — a key whose name is not known here is let in, unless `accessPolicies` are given; links outlive their token
  it("refuses tokens as it is told", async () => {
    const checkToken = () => ({ status: 401, description: "Unauthorized access." });
    const { producer } = await open({ checkToken });
    await expect(producer().sendBatch([{ body: 1 }])).rejects.toMatchObject({ code: "UnauthorizedError" });
  });
});

// fidelity event-hubs: TLS for token credentials
it("speaks TLS on the same port, for a token credential", async () => {
  const audiences: string[] = [];
  const checkToken = ({ audience, type, token }: TokenRequest) => {
    audiences.push(`${type} ${audience} ${token}`);
    return undefined;
  };
  const { producer, certificate, port, control } = await open({ tls: true, checkToken });
  const trusted = getCACertificates("default");
  setDefaultCACertificates([...trusted, certificate!]);
  onTestFinished(() => setDefaultCACertificates(trusted));
  const credential = { getToken: async () => ({ token: "a.b.c", expiresOnTimestamp: Date.now() + 3_600_000 }) };
  const client = new EventHubProducerClient(`localhost:${port}`, "orders", credential);
  await send(client, "0", "secret");
  await client.close();
  expect(audiences[0]).toMatch(/^jwt sb:.*orders\/Partitions\/0 a\.b\.c$/);
  await send(producer(), "0", "plain");
  expect(control.state("orders")[0]?.eventCount).toBe(2);
});

describe("config", () => {
  const config = {
    UserConfig: {
      NamespaceConfig: [
        {
          Type: "EventHub",
          Name: "emulatorNs1",
          Entities: [{ Name: "eh1", PartitionCount: "2", ConsumerGroups: [{ Name: "cg1" }] }],
        },
      ],
      LoggingConfig: { Type: "File" },
    },
  };

  // fidelity event-hubs: the official emulator's `Config.json`
  it("takes the official emulator's file", async () => {
    const folder = await mkdtemp(join(tmpdir(), "event-hubs-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, "Config.json");
    await writeFile(path, JSON.stringify(config));
    const { producer, consumer } = await open({ config: path });
    await send(producer("eh1"), "1", "a");
    const { events } = read(consumer("eh1", "cg1"), "1");
    await eventually(() => bodies(events)).toEqual(["a"]);
  });

  it.each([
    [{}, /NamespaceConfig/],
    [{ UserConfig: { NamespaceConfig: [{ Entities: [{ Name: "../x", PartitionCount: 1 }] }] } }, /no name/],
    [{ UserConfig: { NamespaceConfig: [{ Entities: [{ Name: "x", PartitionCount: "many" }] }] } }, /partitionCount/],
    [{ UserConfig: { NamespaceConfig: [{ Entities: [{ Name: "x", PartitionCount: 1, Colour: 1 }] }] } }, /Colour/],
    [
      {
        UserConfig: {
          NamespaceConfig: [
            {
              Entities: [
                { Name: "x", PartitionCount: 1 },
                { Name: "X", PartitionCount: 1 },
              ],
            },
          ],
        },
      },
      /twice/,
    ],
  ])("refuses %j", async (wrong, message) => {
    await expect(startEventHubsEmulator({ config: wrong as never })).rejects.toThrow(message);
  });
});
