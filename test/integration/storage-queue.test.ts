import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QueueServiceClient, StorageSharedKeyCredential } from "@azure/storage-queue";
import { createBus } from "@waybill/core";
import type { Delivery } from "@waybill/core/spi";
import { startAzurite } from "@waybill/emulators";
import { describe, expect, it } from "vitest";
import { acks, errorOf, never, sent, want } from "./sender-and-receiver.fixture.ts";
import { event, idOf, one, openQueues, plan, queueName, receiveAll } from "./storage-queue.fixture.ts";

const { azurite, connectionString, raw, setUp } = await openQueues("storage queues");

describe.skipIf(!azurite)("storage queue over Azurite", () => {
  it("copies each event to every subscription, and an acked one does not come back", async () => {
    const { adapter, topic, source } = setUp({}, ["billing", "mail"]);
    const sender = await adapter.openSender(topic);
    await sent(sender, [event("a"), event("b")]);
    for (const name of ["billing", "mail"]) {
      const receiver = await adapter.openReceiver(source(name));
      const found = await receiveAll(receiver, 2);
      expect(found.map(idOf).sort()).toEqual(["a", "b"]);
      expect(found[0]).toMatchObject({ deliveryCount: 1 });
      const outcomes = await receiver.settle(acks(...found), never);
      expect(outcomes.every((outcome) => outcome.ok)).toBe(true);
      expect(await adapter.backlog?.(source(name))).toEqual({ events: 0, oldestMs: undefined });
    }
  });

  it("answers not ok when one copy of several was not taken", async () => {
    const { adapter, topic, source } = setUp({ createQueues: false }, ["billing", "mail"]);
    await raw.createQueue(queueName(topic, "billing"));
    const [first] = await (await adapter.openSender(topic)).send([event("a")], never);
    expect(adapter.classify(errorOf(first))).toBe("not-found");
    await receiveAll(await adapter.openReceiver(source()), 1);
  });

  it("refuses to publish to a topic without subscriptions, and to read an undeclared one", async () => {
    const { adapter, topic } = setUp();
    await expect(adapter.openSender("nobody")).rejects.toThrow("WB_STORAGE_QUEUE_UNDECLARED");
    const undeclared = { topic, subscription: "mail", startFrom: "earliest" } as const;
    await expect(adapter.openReceiver(undeclared)).rejects.toThrow("WB_STORAGE_QUEUE_SUBSCRIPTION");
  });

  it("receives up to 32 with a call, and no more than the bytes allow", async () => {
    const { adapter, topic, source } = setUp();
    await sent(
      await adapter.openSender(topic),
      Array.from({ length: 100 }, (_, n) => event(`e-${n}`)),
    );
    const receiver = await adapter.openReceiver(source());
    expect(await receiver.receive(want({ maxBytes: 2 * 65_536 }), never)).toHaveLength(2);
    for (const count of [32, 32, 32, 2]) expect(await receiver.receive(want({ max: 128 }), never)).toHaveLength(count);
    expect(await receiver.receive(want({ max: 128 }), never)).toEqual([]);
    expect(await receiver.receive(want({ max: 128 }), never)).toEqual([]);
  });

  it("sets delay and life of a message", async () => {
    const { adapter, topic, queueOf } = setUp({ messageTtlMs: 60_000 });
    const sender = await adapter.openSender(topic);
    const notBefore = new Date(Date.now() + 20_000);
    await sent(sender, [event("default"), { ...event("own"), ttlMs: 20_500, notBefore }]);
    const queue = raw.getQueueClient(queueOf());
    const life = (item: { expiresOn: Date; insertedOn: Date }) => item.expiresOn.getTime() - item.insertedOn.getTime();
    const peeked = await queue.peekMessages({ numberOfMessages: 32 });
    expect(peeked.peekedMessageItems.map(life)).toEqual([60_000]);
    expect((await adapter.backlog?.({ topic, subscription: "billing" }))?.events).toBe(2);
    const forever = setUp();
    await sent(await forever.adapter.openSender(forever.topic), [event("a")]);
    const kept = await raw.getQueueClient(forever.queueOf()).peekMessages();
    expect(kept.peekedMessageItems[0]?.expiresOn.getUTCFullYear()).toBe(9999);
  });

  it("is not stalled while all that waits was given back for later", async () => {
    const { adapter, topic } = setUp({ maxPollMs: 100 });
    const attempts: number[] = [];
    let stalls = 0;
    const observers = [{ stalled: () => stalls++ }];
    await using bus = createBus({ source: "/shop", adapter, observers });
    const retry = { initialMs: 5_000, inPlaceMs: 0, jitter: 0 };
    const options = { name: "billing", idleMs: 2_000, retry };
    const subscription = await bus.subscribe(topic, options, async (_, { attempt }) => {
      attempts.push(attempt);
      if (attempt === 1) throw new Error("not yet");
    });
    await bus.publishRaw(topic, { specversion: "1.0", id: "o-1", source: "/shop", type: "placed" });
    await expect.poll(() => adapter.backlog?.({ topic, subscription: "billing" })).toMatchObject({ ready: false });
    await expect.poll(() => attempts, { timeout: 10_000 }).toEqual([1, 2]);
    expect([stalls, subscription.health.ok]).toEqual([0, true]);
  });

  it("delivers a scheduled event, and not before", async () => {
    const { adapter, topic, source } = setUp();
    const receiver = await adapter.openReceiver(source());
    const sender = await adapter.openSender(topic);
    const notBefore = new Date(Date.now() + 3_000);
    await sent(sender, [{ ...event("later"), notBefore }]);
    await receiveAll(receiver, 1, 20_000);
    // The broker's clock has no parts of a second here: one of its ticks may be missing.
    expect(Date.now()).toBeGreaterThan(notBefore.getTime() - 1_000);
  });

  it("sends to one subscription alone, where its receiver says", async () => {
    const { adapter, source } = setUp({}, ["billing", "mail"]);
    const receiver = await adapter.openReceiver(source());
    await sent(await adapter.openSender(receiver.returnTo as string), [event("again")]);
    await receiveAll(receiver, 1);
    expect(await (await adapter.openReceiver(source("mail"))).receive(want(), never)).toEqual([]);
  });

  it("writes what Azure Functions read, and reads what others write", async () => {
    const { adapter, topic, source, queueOf } = setUp();
    const message = event("a");
    await sent(await adapter.openSender(topic), [message]);
    const queue = raw.getQueueClient(queueOf());
    const text = (await queue.peekMessages()).peekedMessageItems[0]?.messageText ?? "";
    expect(Buffer.from(text, "base64").equals(message.body as Uint8Array)).toBe(true);
    const json = (id: string) =>
      `{\r\n  "specversion": "1.0", "id": "${id}",\r\n "source": "/x", "type": "t", "data": "<&>"}`;
    await queue.sendMessage(json("plain"));
    await queue.sendMessage(Buffer.from(json("coded")).toString("base64"));
    const found = await receiveAll(await adapter.openReceiver(source()), 3);
    expect(found.map(idOf).sort()).toEqual(["a", "coded", "plain"]);
    const plain = found.find((delivery) => idOf(delivery) === "plain");
    expect(Buffer.from(plain?.message.body ?? []).toString()).toBe(json("plain"));
  });

  it.each(["base64", "text"] as const)("measures so that what fits is taken (%s)", async (encoding) => {
    const { adapter, topic } = setUp({ encoding });
    const sender = await adapter.openSender(topic);
    const size = encoding === "base64" ? 49_152 - 64 : 65_536 - 64;
    const exact = { id: "exact", headers: {}, body: Buffer.alloc(size, "x") };
    expect(sender.measure?.(exact)).toBe(sender.capabilities.maxMessageBytes);
    await sent(sender, [exact]);
    const tooLarge = { ...exact, body: Buffer.alloc(size + 1, "x") };
    const [outcome] = await sender.send([tooLarge], never);
    expect(adapter.classify(errorOf(outcome))).toBe("too-large");
    // Dead letters need no room for an attempt: the largest message of somebody else still fits.
    const dead = await adapter.openSender(`${topic}/billing/dead`);
    await sent(dead, [{ ...exact, body: Buffer.alloc(size + 64, "x") }]);
    expect(dead.measure?.(tooLarge)).toBeLessThanOrEqual(65_536);
  });

  it("signs in with a shared key and with a SAS", async () => {
    const key = /AccountKey=([^;]+)/.exec(connectionString)?.[1] as string;
    const credential = new StorageSharedKeyCredential("devstoreaccount1", key);
    const endpoint = azurite!.queueEndpoint as string;
    const sasUrl = raw.generateAccountSasUrl(new Date(Date.now() + 60_000), { toString: () => "rwdlacup" } as never);
    for (const way of [{ endpoint, credential }, { sasUrl }]) {
      const { adapter, topic, source } = setUp(way);
      await sent(await adapter.openSender(topic), [event("a")]);
      await receiveAll(await adapter.openReceiver(source()), 1);
      expect(await adapter.health(never)).toEqual({ ok: true });
    }
  });
});

describe.skipIf(!azurite)("queues", () => {
  it("prunes what it made itself and nobody declares, and no other queue", async () => {
    const prefix = "prune";
    const old = setUp({ prefix }, ["billing", "mail"]);
    for (const step of await plan(old.adapter)) await step.apply?.(never);
    const others = [`${prefix}-by-hand`, `${prefix}-orders-billing-000000`, queueName(`${prefix}-x`, "y")];
    for (const name of others) await raw.createQueue(name);
    await raw.getQueueClient(others[0] as string).sendMessage("kept");
    const now = setUp({ prefix, subscriptions: { [old.topic]: ["billing"] } });
    expect(await plan(now.adapter)).toEqual([]);
    const steps = await plan(now.adapter, true);
    expect(steps.map(({ action, name }) => [action, name.startsWith(`${prefix}-${old.topic}-mail-`)])).toEqual([
      ["delete", true],
      ["delete", true],
    ]);
    for (const step of steps) await step.apply?.(never);
    expect(await plan(now.adapter, true)).toEqual([]);
    for (const name of others) expect(await raw.getQueueClient(name).exists()).toBe(true);
  });

  it("keeps dead letters in the -poison queue, which is empty until there are some", async () => {
    const { adapter, topic, source, queueOf } = setUp();
    const store = await adapter.openDeadLetters?.(source());
    if (store === undefined) throw new Error("no store");
    expect(await store.browse(10, never)).toEqual([]);
    expect(await store.receive(want(), never)).toEqual([]);
    expect((await plan(adapter)).map(({ name }) => name).sort()).toEqual([queueOf(), `${queueOf()}-poison`]);
    await sent(await adapter.openSender(`${topic}/billing/dead`), [event("dead")]);
    expect((await raw.getQueueClient(`${queueOf()}-poison`).getProperties()).approximateMessagesCount).toBe(1);
    const [seen] = await store.browse(100, never);
    expect(idOf({ message: seen! })).toBe("dead");
    expect(await store.browse(100, never)).toHaveLength(1);
    const [delivery] = (await receiveAll(store, 1)) as [Delivery];
    expect(delivery.deliveryCount).toBe(1);
    expect(store.returnTo).toBe(`${topic}/billing`);
    expect(one(await store.settle(acks(delivery), never)).ok).toBe(true);
    expect(await store.browse(100, never)).toEqual([]);
  });

  it("finds its queue again after somebody deleted it", async () => {
    const { adapter, topic, source, queueOf } = setUp();
    const sender = await adapter.openSender(topic);
    const receiver = await adapter.openReceiver(source());
    await raw.deleteQueue(queueOf());
    const [lost] = await sender.send([event("a")], never);
    expect(adapter.classify(errorOf(lost))).toBe("not-found");
    await sent(sender, [event("b")]);
    await receiveAll(receiver, 1);
  });

  it("in a folder of Azurite are there in its next run", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "waybill-azurite-"));
    try {
      for (const run of [1, 2]) {
        const kept = await startAzurite({ dataDir });
        try {
          const queue = QueueServiceClient.fromConnectionString(kept.connectionString).getQueueClient("kept");
          await queue.createIfNotExists();
          await queue.sendMessage(`run ${run}`);
          expect((await queue.getProperties()).approximateMessagesCount).toBe(run);
        } finally {
          await kept.stop();
        }
      }
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});

describe.skipIf(!azurite)("a bus over storage queues", () => {
  it("retries through the broker with the attempt, dead-letters, and redrives to that subscription alone", async () => {
    const { adapter, topic } = setUp({}, ["billing", "mail"]);
    const bus = createBus({ source: "/shop", adapter });
    const attempts: number[] = [];
    const mailed: string[] = [];
    let repaired = false;
    let billed: string | undefined;
    const retry = { attempts: 3, initialMs: 10, inPlaceMs: 0 };
    await bus.subscribe(topic, { name: "billing", retry }, async (received, context) => {
      attempts.push(context.attempt);
      if (!repaired) throw new Error("out of order");
      billed = received.id;
    });
    await bus.subscribe(topic, { name: "mail" }, async (received) => void mailed.push(received.id));
    const outcome = await bus.publishRaw(topic, {
      specversion: "1.0",
      id: "o-1",
      source: "/shop",
      type: "placed",
      data: 1,
    });
    expect(outcome).toMatchObject({ ok: true });
    const letters = bus.deadLetters(topic, "billing");
    await expect.poll(() => letters.list(), { timeout: 15_000, interval: 100 }).toHaveLength(1);
    expect(attempts).toEqual([1, 2, 3]);
    expect((await letters.list())[0]).toMatchObject({ id: "o-1", reason: { reason: "handler-failed", attempts: 3 } });
    repaired = true;
    expect(await letters.redrive()).toMatchObject({ done: 1 });
    await expect.poll(() => billed, { timeout: 20_000 }).toBe("o-1");
    expect(await letters.list()).toEqual([]);
    await bus.drain({ deadlineMs: 5_000 });
    const left = await Promise.all(["billing", "mail"].map(async (name) => (await bus.backlog(topic, name))?.events));
    await letters.close();
    await bus.close();
    expect(mailed).toEqual(["o-1"]);
    expect(left).toEqual([0, 0]);
  });

  it("redrives what is no event byte for byte, without a place for marks, and gives back at once what a failed walk had taken", async () => {
    const { adapter, topic, source } = setUp({}, ["billing"]);
    const bus = createBus({ source: "/shop", adapter });
    const subscription = await bus.subscribe(topic, { name: "billing" }, () => undefined);
    const bodies = ["<", "[", "{"];
    const queue = raw.getQueueClient(queueName(topic, "billing"));
    for (const body of bodies) await queue.sendMessage(Buffer.from(body).toString("base64"));
    const letters = bus.deadLetters(topic, "billing");
    await expect.poll(() => letters.list(), { timeout: 15_000, interval: 100 }).toHaveLength(3);
    await subscription.drain();

    const wrong = () => {
      throw new Error("a mistake in a filter");
    };
    await expect(letters.purge({ filter: wrong })).rejects.toThrow("a mistake in a filter");
    expect(await letters.redrive()).toEqual({ done: 3, skipped: 0 });
    const back = await receiveAll(await adapter.openReceiver(source()), 3);
    expect(back.map(({ message }) => Buffer.from(message.body!).toString()).sort()).toEqual(bodies);
    await letters.close();
    await bus.close();
  });
});
