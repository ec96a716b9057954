import { EventHubBufferedProducerClient, type EventHubProducerClient } from "@azure/event-hubs";
import { expect, it } from "vitest";
import { bodies, eventually, type Opened, open, read, send } from "./emulator-event-hubs.fixture.ts";

interface PartitionOptions {
  readonly ownerLevel?: number;
  readonly producerGroupId?: number;
  readonly startingSequenceNumber?: number;
}

interface Publishing {
  readonly isIdempotentPublishingEnabled: boolean;
  readonly ownerLevel: number;
  readonly producerGroupId: number;
  readonly lastPublishedSequenceNumber: number;
}

/** What the SDK's buffered producer sets, and reads, in the client under it. */
interface Internals {
  _enableIdempotentRetries: boolean;
  _partitionOptions: Record<string, PartitionOptions>;
  getPartitionPublishingProperties(partition: string): Promise<Publishing>;
}

const internals = (client: EventHubProducerClient) => client as unknown as Internals;
const publishing = (client: EventHubProducerClient) => internals(client).getPartitionPublishingProperties("0");

/** A producer with idempotent retries, with options for partition 0. */
function idempotent(emulator: Opened, options?: PartitionOptions, timeoutInMs?: number): EventHubProducerClient {
  const client = emulator.producer("orders", timeoutInMs);
  internals(client)._enableIdempotentRetries = true;
  if (options !== undefined) internals(client)._partitionOptions = { 0: options };
  return client;
}

const count = ({ control }: Opened) => control.state("orders")[0]!.eventCount;

// fidelity event-hubs partial: idempotent producers: numbers, owner levels, batches sent twice — remembered by the process, not over a restart
it("gives a producer its group, and counts what it publishes", async () => {
  const emulator = await open();
  const [one, other] = [idempotent(emulator), idempotent(emulator)];
  const before = await publishing(one);
  expect(before).toMatchObject({ isIdempotentPublishingEnabled: true, ownerLevel: 0, lastPublishedSequenceNumber: 0 });
  expect((await publishing(other)).producerGroupId).not.toBe(before.producerGroupId);
  await send(one, "0", "a", "b");
  await send(one, "0", "c");
  await send(other, "0", "d");
  const after = await publishing(one);
  expect(after).toEqual({ ...before, lastPublishedSequenceNumber: 3 });
  const { events } = read(emulator.consumer(), "0");
  await eventually(() => bodies(events)).toEqual(["a", "b", "c", "d"]);
  // The group is the partition's: what it does not know, it completes.
  const { producerGroupId, ownerLevel } = after;
  const next = idempotent(emulator, { producerGroupId, ownerLevel });
  expect(await publishing(next)).toEqual(after);
  await send(next, "0", "e");
  await eventually(() => bodies(events)).toEqual(["a", "b", "c", "d", "e"]);
});

// fidelity event-hubs partial: idempotent producers: numbers, owner levels, batches sent twice — remembered by the process, not over a restart
it("stores a batch once that is sent again, and refuses one out of order", async () => {
  const emulator = await open();
  const first = idempotent(emulator);
  for (let batch = 0; batch < 7; batch += 1) await send(first, "0", `${batch}-a`, `${batch}-b`);
  const { producerGroupId } = await publishing(first);
  const again = (startingSequenceNumber: number) => idempotent(emulator, { producerGroupId, startingSequenceNumber });
  // Batches 2 to 6 are the last five: known, and not stored twice.
  for (const batch of [2, 6]) await send(again(batch * 2), "0", "again", "again");
  expect(count(emulator)).toBe(14);
  for (const [sequence, ...items] of [
    [2, "older", "older"],
    [4, "shorter"],
    [15, "gap"],
  ] as const)
    await expect(send(again(sequence), "0", ...items)).rejects.toMatchObject({ code: "SequenceOutOfOrderError" });
  expect(count(emulator)).toBe(14);
  await send(again(14), "0", "next");
  expect(count(emulator)).toBe(15);
});

// fidelity event-hubs partial: idempotent producers: numbers, owner levels, batches sent twice — remembered by the process, not over a restart
it("lets a producer with a higher owner level displace the others of its group", async () => {
  const emulator = await open();
  const old = idempotent(emulator);
  await send(old, "0", "old");
  const { producerGroupId } = await publishing(old);
  const claim = (ownerLevel: number) => ({ producerGroupId, ownerLevel });
  const owner = idempotent(emulator, { ...claim(2), startingSequenceNumber: 1 });
  await send(owner, "0", "owner");
  await expect(send(old, "0", "late")).rejects.toMatchObject({ code: "ProducerDisconnectedError", retryable: false });
  await expect(send(idempotent(emulator, claim(1)), "0", "lower")).rejects.toThrow("higher epoch 2");
  await send(idempotent(emulator, claim(2)), "0", "equal");
  // Another group is not concerned, and neither is a producer that is none.
  await send(idempotent(emulator), "0", "elsewhere");
  await send(emulator.producer(), "0", "plain");
  const { events } = read(emulator.consumer(), "0");
  await eventually(() => bodies(events)).toEqual(["old", "owner", "equal", "elsewhere", "plain"]);
});

// fidelity event-hubs partial: idempotent producers: numbers, owner levels, batches sent twice — remembered by the process, not over a restart
it("refuses claims out of range", async () => {
  const emulator = await open();
  for (const options of [{ ownerLevel: -1 }, { startingSequenceNumber: -1 }])
    await expect(send(idempotent(emulator, options), "0", "x")).rejects.toMatchObject({
      code: "ArgumentOutOfRangeError",
    });
  expect(count(emulator)).toBe(0);
});

// fidelity event-hubs partial: idempotent producers: numbers, owner levels, batches sent twice — remembered by the process, not over a restart
it("goes on after its connection was cut, with a batch whose answer was lost not stored twice", async () => {
  const emulator = await open();
  // A send that was under way when its socket went is told so by nothing but its own time limit.
  const client = idempotent(emulator, undefined, 400);
  await send(client, "0", 0);
  for (let at = 1; at <= 12; at += 1) {
    const sending = send(client, "0", at);
    if (at % 3 === 0) setImmediate(() => emulator.control.cutConnections());
    for (let tries = 1; ; tries += 1) {
      const error = await (tries === 1 ? sending : send(client, "0", at))
        .then(() => undefined)
        .catch((e: unknown) => e);
      if (error === undefined) break;
      if (tries === 10) throw error;
    }
  }
  const { events } = read(emulator.consumer(), "0");
  await eventually(() => bodies(events)).toEqual(Array.from({ length: 13 }, (_, at) => at));
});

// fidelity event-hubs partial: idempotent producers: numbers, owner levels, batches sent twice — remembered by the process, not over a restart
it("serves the buffered producer with idempotent retries", async () => {
  const emulator = await open();
  const errors: unknown[] = [];
  const client = new EventHubBufferedProducerClient(emulator.connectionString, "orders", {
    enableIdempotentRetries: true,
    onSendEventsErrorHandler: async ({ error }) => void errors.push(error),
  });
  for (let at = 0; at < 40; at += 1) await client.enqueueEvent({ body: at });
  await client.close({ flush: true });
  expect(errors).toEqual([]);
  const stored = emulator.control.state("orders").reduce((sum, { eventCount }) => sum + eventCount, 0);
  expect(stored).toBe(40);
});
