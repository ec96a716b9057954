import type { CheckpointStore } from "@azure/event-hubs";
import { BlobCheckpointStore } from "@azure/eventhubs-checkpointstore-blob";
import { createBus, isWaybillError } from "@waybill/core";
import type { Delivery } from "@waybill/core/spi";
import type { EventHubsOptions } from "@waybill/event-hubs";
import { describe, expect, it, onTestFinished } from "vitest";
import { startTcpProxy } from "../chaos/broker/tcp-proxy.ts";
import { throughPort } from "./event-hubs.fixture.ts";
import { CONTAINER, event, eventIn, idOf, ids, openHubs, receiveAll, soon } from "./event-hubs-adapter.fixture.ts";
import { memoryStore } from "./event-hubs-store.fixture.ts";
import { acks, errorOf, never, sent, thrown, want } from "./sender-and-receiver.fixture.ts";

const { azurite, checkpoints, container, emulator, setUp } = await openHubs("event hubs: positions and partitions");

describe.skipIf(!azurite)("positions", () => {
  const stores: [string, () => EventHubsOptions["checkpoints"] & object][] = [
    ["blobs", () => checkpoints],
    ["any store", () => ({ store: memoryStore() })],
  ];

  it("the SDK's own write moves a position backwards", async () => {
    await container.createIfNotExists();
    const bare = new BlobCheckpointStore(container);
    const place = { fullyQualifiedNamespace: "bare", eventHubName: "h", consumerGroup: "g", partitionId: "0" };
    await bare.updateCheckpoint({ ...place, sequenceNumber: 9, offset: "9" });
    await bare.updateCheckpoint({ ...place, sequenceNumber: 3, offset: "3" });
    expect(await bare.listCheckpoints("bare", "h", "g")).toMatchObject([{ sequenceNumber: 3 }]);
  });

  it.each(stores)("a stale owner takes no position back: %s", async (_name, form) => {
    const given = form();
    const store: CheckpointStore =
      "store" in given ? given.store : (new BlobCheckpointStore(container) as unknown as CheckpointStore);
    const { topic, open, source } = setUp({ checkpoints: given, updateIntervalMs: 30_000 });
    const adapter = open();
    const receiver = await adapter.openReceiver(source());
    await sent(
      await adapter.openSender(topic),
      ids(4).map((id) => event(id)),
    );
    const [first, second] = (await receiveAll(receiver, 4)) as [Delivery, Delivery];
    expect(await receiver.settle(acks(first), never)).toMatchObject([{ ok: true }]);
    // Another owner comes, and goes on further; this one has not heard of it yet.
    const [owned] = await store.listOwnership("127.0.0.1", topic, "billing");
    await store.claimOwnership([{ ...owned!, ownerId: "another" }]);
    const further = { fullyQualifiedNamespace: "127.0.0.1", eventHubName: topic, consumerGroup: "billing" };
    await store.updateCheckpoint({ ...further, partitionId: "0", sequenceNumber: 3, offset: "300" });
    expect(second.lost.aborted).toBe(false);
    const [late] = await receiver.settle(acks(second), never);
    expect(adapter.classify(errorOf(late))).toBe("lost");
    expect(second.lost.aborted).toBe(true);
    expect(await store.listCheckpoints("127.0.0.1", topic, "billing")).toMatchObject([{ sequenceNumber: 3 }]);
  });

  it("an owner whose predecessor's late write is ahead goes on", async () => {
    const { topic, open, source, checkpoint } = setUp({ updateIntervalMs: 30_000 });
    const adapter = open();
    const receiver = await adapter.openReceiver(source());
    await sent(
      await adapter.openSender(topic),
      ids(4).map((id) => event(id)),
    );
    const all = await receiveAll(receiver, 4);
    const place = { fullyQualifiedNamespace: "127.0.0.1", eventHubName: topic, consumerGroup: "billing" };
    await new BlobCheckpointStore(container).updateCheckpoint({
      ...place,
      partitionId: "0",
      sequenceNumber: 2,
      offset: "2",
    });
    expect(await receiver.settle(acks(all[1]!), never)).toMatchObject([{ ok: true }]);
    expect(await checkpoint()).toBe(2);
    expect(await receiver.settle(acks(all[3]!), never)).toMatchObject([{ ok: true }]);
    expect(await checkpoint()).toBe(3);
  });

  it("latest begins where the hub ended when it was opened, also for who comes later", async () => {
    const { topic, open, source } = setUp({ partitions: 2 });
    const adapter = open();
    const sender = await adapter.openSender(topic);
    await sent(sender, [event("before")]);
    await (await adapter.openReceiver(source("latest"))).close();
    await sent(sender, [event("between")]);
    const again = await open().openReceiver(source("latest"));
    expect((await receiveAll(again, 1)).map(idOf)).toEqual(["between"]);
  });

  it("while the store is down nothing is acked, and nothing is lost", async () => {
    const blobPort = Number(new URL(azurite!.blobEndpoint as string).port);
    const proxy = await startTcpProxy(blobPort);
    onTestFinished(() => proxy.close());
    const connectionString = throughPort(checkpoints.connectionString, blobPort, proxy.port);
    const { topic, open, source, checkpoint } = setUp({ checkpoints: { connectionString, container: CONTAINER } });
    const adapter = open();
    const receiver = await adapter.openReceiver(source());
    const sender = await adapter.openSender(topic);
    await sent(sender, [event("a"), event("b")]);
    const [a, b] = (await receiveAll(receiver, 2)) as [Delivery, Delivery];
    await receiver.settle(acks(a), never);
    proxy.refuse(true);
    const [outcome] = await receiver.settle(acks(b), never);
    expect(adapter.classify(errorOf(outcome))).toBe("transient");
    expect(isWaybillError(errorOf(outcome), "WB_EVENT_HUBS_CALL")).toBe(true);
    expect(await checkpoint()).toBe(0);
    // The next receive says what is wrong with sharing out, and reading goes on.
    await expect
      .poll(() => thrown(receiver.receive(want(), never)), { timeout: 20_000 })
      .toMatchObject({
        code: "WB_EVENT_HUBS_CALL",
      });
    proxy.refuse(false);
    await expect.poll(() => receiver.settle(acks(b), never), { timeout: 20_000 }).toMatchObject([{ ok: true }]);
    expect(await checkpoint()).toBe(1);
  });
});

describe.skipIf(!azurite)("partitions that are taken away", () => {
  it("while a handler runs: it is told, its late ack fails, and the next owner gets the event", async () => {
    const { topic, open, source } = setUp({ ownershipMs: 1_000 });
    const bus = createBus({ source: "/shop", adapter: open() });
    const told: string[] = [];
    let begun = 0;
    await bus.subscribe(topic, { name: "billing" }, async (received, { signal }) => {
      begun++;
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      told.push(received.id);
    });
    expect(await bus.publishRaw(topic, eventIn(event("a")))).toMatchObject({ ok: true });
    await soon(() => begun).toBe(1);
    const next = await open().openReceiver(source());
    // As a consumer with a higher owner level would: the first is not asked.
    const release = emulator.control.takeOver(topic, "0", { consumerGroup: "billing" });
    await soon(() => told).toEqual(["a"]);
    release();
    await bus.close();
    const [again] = await receiveAll(next, 1);
    expect(idOf(again!)).toBe("a");
    expect(await next.settle(acks(again!), never)).toMatchObject([{ ok: true }]);
  });

  it("a partition that the broker took and gave back is read again in the next round, not when ownership ends", async () => {
    const { topic, open, source } = setUp();
    const adapter = open();
    const receiver = await adapter.openReceiver(source());
    await sent(await adapter.openSender(topic), [event("a")]);
    const [first] = await receiveAll(receiver, 1);
    const release = emulator.control.takeOver(topic, "0", { consumerGroup: "billing" });
    await soon(() => first!.lost.aborted).toBe(true);
    release();
    const beganMs = Date.now();
    expect((await receiveAll(receiver, 1)).map(idOf)).toEqual(["a"]);
    expect(Date.now() - beganMs).toBeLessThan(20_000);
  });

  it("an owner that hears of another from the store alone gives up at once, though its link still stands", async () => {
    const { topic, open, source, state } = setUp();
    const adapter = open();
    const receiver = await adapter.openReceiver(source());
    await sent(await adapter.openSender(topic), [event("a"), event("b")]);
    const [first] = await receiver
      .receive(want({ max: 1 }), never)
      .then(async (found) => (found.length > 0 ? found : receiveAll(receiver, 1)));
    const store = new BlobCheckpointStore(container);
    const [owned] = await store.listOwnership("127.0.0.1", topic, "billing");
    await store.claimOwnership([{ ...owned!, ownerId: "another" }]);
    await soon(() => first!.lost.aborted).toBe(true);
    await soon(() => state()[0]?.readers).toEqual([]);
    const [late] = await receiver.settle(acks(first!), never);
    expect(adapter.classify(errorOf(late))).toBe("lost");
  });

  it("two consumers share the partitions, and when one closes the other has them all", async () => {
    const { topic, open, source } = setUp({ partitions: 4 });
    const adapter = open();
    const one = await adapter.openReceiver(source());
    const two = await open().openReceiver(source());
    const owners = async () => {
      const all = await new BlobCheckpointStore(container).listOwnership("127.0.0.1", topic, "billing");
      return new Set(all.map(({ ownerId }) => ownerId)).size;
    };
    await expect.poll(owners, { timeout: 20_000 }).toBe(2);
    await one.close();
    const sender = await adapter.openSender(topic);
    await sent(
      sender,
      ids(40).map((id, index) => event(id, `k-${index}`)),
    );
    const found = await receiveAll(two, 40);
    expect(new Set(found.map(idOf)).size).toBe(40);
  });
});
