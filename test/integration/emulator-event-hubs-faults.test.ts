import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  bodies,
  eventually,
  open,
  read,
  send,
  startEventHubsEmulator,
  withClients,
} from "./emulator-event-hubs.fixture.ts";

describe("control", () => {
  // fidelity event-hubs: faults on demand, in process and over HTTP
  it("cuts connections, and a reader goes on without loss", async () => {
    const { producer, consumer, control } = await open();
    const { events } = read(consumer(), "0");
    await send(producer(), "0", 1);
    await eventually(() => bodies(events)).toEqual([1]);
    expect(control.cutConnections({ partition: "0", role: "receiver" })).toBe(1);
    await eventually(() => control.connectionCount).toBe(1);
    await send(producer(), "0", 2);
    await eventually(() => bodies(events)).toEqual([1, 2]);
    expect(control.cutConnections()).toBe(3);
    await send(producer(), "0", 3);
    await eventually(() => bodies(events)).toEqual([1, 2, 3]);
  });

  // fidelity event-hubs: faults on demand, in process and over HTTP
  it("throttles with the service's condition", async () => {
    const { producer, control } = await open();
    const client = producer();
    control.throttle(true);
    await expect(send(client, "0", 1)).rejects.toMatchObject({ code: "ServerBusyError", retryable: true });
    await expect(client.getPartitionProperties("0")).rejects.toMatchObject({ code: "ServerBusyError" });
    control.throttle(false);
    await send(client, "0", 1);
    expect(control.state("orders")[0]?.eventCount).toBe(1);
  });

  // fidelity event-hubs: faults on demand, in process and over HTTP
  it("detaches the links that are meant, with any condition", async () => {
    const { producer, consumer, control } = await open();
    const readings = ["0", "1"].map((id) => read(consumer(), id));
    const client = producer();
    await send(client, "0", 1);
    await eventually(() => control.state("orders").map(({ readers }) => readers.length)).toEqual([1, 1]);
    const choice = { hub: "orders", partition: "0" };
    expect(control.detachLinks("com.microsoft:entity-disabled", "Somebody disabled it.", choice)).toBe(2);
    await eventually(() => readings[0]?.errors).toMatchObject([{ code: "MessagingEntityDisabledError" }]);
    expect(readings[1]?.errors).toEqual([]);
    expect(control.detachLinks("amqp:link:detach-forced", "The link is idle.", { role: "sender" })).toBe(0);
    // A new link: the SDK knows by now that the old one is gone.
    await send(client, "0", 2);
    expect(control.detachLinks("amqp:link:detach-forced", "The link is idle.", { role: "sender" })).toBe(1);
  });

  // fidelity event-hubs: faults on demand, in process and over HTTP
  it("stops answering: a send times out, and goes on after", async () => {
    const { producer, control } = await open();
    const client = producer("orders", 400);
    await send(client, "0", 1);
    control.stopAnswering(true);
    await expect(send(client, "0", 2)).rejects.toMatchObject({ code: "OperationTimeoutError" });
    control.stopAnswering(false);
    await eventually(() => control.connectionCount).toBe(0);
    await send(producer(), "0", 3);
    expect(control.state("orders")[0]?.eventCount).toBe(2);
  });

  // fidelity event-hubs: faults on demand, in process and over HTTP
  it("takes a partition over, and gives it back", async () => {
    const { producer, consumer, control } = await open();
    const old = read(consumer(), "0", { ownerLevel: 1 });
    await eventually(() => control.state("orders")[0]?.readers.length).toBe(1);
    const giveBack = control.takeOver("orders", "0");
    await eventually(() => old.closed).toEqual(["OwnershipLost"]);
    const refused = read(consumer(), "0", { ownerLevel: 1 });
    await eventually(() => refused.errors).toMatchObject([{ code: "ReceiverDisconnectedError" }]);
    giveBack();
    await send(producer(), "0", "a");
    const { events } = read(consumer(), "0", { ownerLevel: 1 });
    await eventually(() => bodies(events)).toEqual(["a"]);
  });

  it("creates hubs, and refuses a second of the name", async () => {
    const { producer, control } = await open();
    control.createHub("later", { partitionCount: 1 });
    await send(producer("later"), "0", 1);
    expect(() => control.createHub("LATER")).toThrow("exists already");
    expect(() => control.createHub("wrong", { partitions: 1 } as never)).toThrow("partitions");
  });

  it("closes twice, and frees its port", async () => {
    const first = await startEventHubsEmulator();
    await Promise.all([first.close(), first.close()]);
    const second = await startEventHubsEmulator({ port: first.port });
    await expect(startEventHubsEmulator({ port: first.port })).rejects.toMatchObject({ code: "EADDRINUSE" });
    await second.close();
  });
});

describe("retention", () => {
  // fidelity event-hubs: retention by time
  it("removes what is older, and keeps counting", async () => {
    const { producer, consumer, control } = await open({
      hubs: { orders: { partitionCount: 1, retentionMs: 3_600_000 } },
    });
    const client = producer();
    await send(client, "0", "old");
    control.advanceClock(1_800_000);
    await send(client, "0", "young");
    control.advanceClock(1_900_000);
    expect(await client.getPartitionProperties("0")).toMatchObject({ beginningSequenceNumber: 1, isEmpty: false });
    const reading = read(consumer(), "0");
    await eventually(() => bodies(reading.events)).toEqual(["young"]);
    await reading.stop();
    control.advanceClock(1_900_000);
    expect(await client.getPartitionProperties("0")).toMatchObject({ lastEnqueuedSequenceNumber: 1, isEmpty: true });
    expect(control.state("orders")[0]).toMatchObject({ bytes: 0 });
    await send(client, "0", "new");
    const later = read(consumer(), "0", { startPosition: { sequenceNumber: 0, isInclusive: true } });
    await eventually(() => later.events).toMatchObject([{ body: "new", sequenceNumber: 2 }]);
  });

  // fidelity event-hubs partial: retention by bytes — a limit of ours, for the process's memory
  it("keeps no more bytes than allowed", async () => {
    const hubs = { orders: { partitionCount: 1, retentionBytes: 2 * 1024 * 1024 } };
    const { producer, consumer, control } = await open({ hubs });
    const client = producer();
    for (let at = 0; at < 8; at += 1) await client.sendBatch(Array(9).fill({ body: Buffer.alloc(100_000) }));
    const [view] = control.state("orders");
    expect(view?.bytes).toBeLessThan(3.2 * 1024 * 1024);
    expect(view?.beginSequenceNumber).toBeGreaterThan(30);
    const { events } = read(consumer(), "0");
    await eventually(() => events.at(-1)?.sequenceNumber).toBe(71);
    expect(events[0]?.sequenceNumber).toBe(view?.beginSequenceNumber);
  });
});

describe("data folder", () => {
  // fidelity event-hubs: durability: hubs and events over a restart and a kill, with `dataDir`
  it("keeps events, numbers and positions over a restart", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "event-hubs-"));
    onTestFinished(() => rm(dataDir, { recursive: true, maxRetries: 3 }));
    const hubs = { orders: { partitionCount: 2 } };
    const first = await open({ hubs, dataDir });
    const producer = first.producer();
    // Some segments' worth, so that most are read back from their files.
    for (let at = 0; at < 4; at += 1) await send(producer, "1", ...Array(8).fill(`${at}`.repeat(100_000)));
    const before = await producer.getPartitionProperties("1");
    await first.close();

    const second = withClients(await startEventHubsEmulator({ hubs, dataDir }));
    expect(await second.producer().getPartitionProperties("1")).toEqual(before);
    await send(second.producer(), "1", "after");
    const { events } = read(second.consumer(), "1");
    await eventually(() => events).toHaveLength(33);
    expect(events.map(({ sequenceNumber }) => sequenceNumber)).toEqual(Array.from({ length: 33 }, (_, at) => at));
    expect(bodies(events).map((body) => String(body)[0])).toEqual([..."00000000111111112222222233333333", "a"]);
    second.control.advanceClock(2 * 86_400_000);
    await second.close();

    const third = withClients(await startEventHubsEmulator({ hubs, dataDir }));
    await send(third.producer(), "1", "last");
    expect(third.control.state("orders")[1]).toMatchObject({ lastSequenceNumber: 33 });
  });
});

// fidelity event-hubs: none lost, none twice, in order, at 100 000 events and through cut connections
it("loses nothing that was accepted, and reads nothing twice, while connections are cut", async () => {
  const { producer, consumer, control } = await open({ hubs: { orders: { partitionCount: 1 } } });
  const { events } = read(consumer(), "0", { maxBatchSize: 500 });
  // A send that was under way when its socket went is told so by nothing but its own time limit.
  const client = producer("orders", 500);
  const accepted: number[] = [];
  for (let at = 0; at < 60; at += 1) {
    const items = Array.from({ length: 100 }, (_, item) => at * 100 + item);
    let sending = send(client, "0", ...items);
    if (at % 20 === 5) control.cutConnections();
    // An answer that is lost leaves the sender in doubt: it sends again, as its users must.
    for (let tries = 1; ; tries += 1) {
      const error = await sending.then(() => undefined).catch((reason: unknown) => reason);
      if (error === undefined) break;
      if (tries === 10) throw error;
      sending = send(client, "0", ...items);
    }
    accepted.push(...items);
  }
  const total = control.state("orders")[0]!.eventCount;
  await eventually(() => events.length).toBe(total);
  expect(events.map(({ sequenceNumber }) => sequenceNumber)).toEqual(Array.from({ length: total }, (_, at) => at));
  expect(new Set(bodies(events))).toEqual(new Set(accepted));
});

// fidelity event-hubs: none lost, none twice, in order, at 100 000 events and through cut connections
it("carries 100 000 events: none lost, none twice, each partition in order", { timeout: 30_000 }, async () => {
  const total = 100_000;
  const { producer, consumer } = await open({ hubs: { orders: { partitionCount: 4 } } });
  const client = producer();
  const received: number[][] = [[], [], [], []];
  const wrong: unknown[] = [];
  let count = 0;
  received.forEach((items, at) => {
    consumer().subscribe(
      String(at),
      {
        processEvents: async (events) => {
          for (const { body, sequenceNumber } of events) {
            if (sequenceNumber !== items.length) wrong.push({ sequenceNumber, expected: items.length });
            items.push(body);
          }
          count += events.length;
        },
        processError: async (error) => void wrong.push(error),
      },
      { startPosition: { offset: "-1" }, maxBatchSize: 2_000 },
    );
  });
  let next = 0;
  while (next < total) {
    const batch = await client.createBatch();
    while (next < total && batch.count < 2_000 && batch.tryAdd({ body: next })) next += 1;
    await client.sendBatch(batch);
  }
  await eventually(() => count).toBe(total);
  expect(wrong).toEqual([]);
  for (const items of received) expect(items).toEqual([...items].sort((a, b) => a - b));
  expect(new Set(received.flat()).size).toBe(total);
});
