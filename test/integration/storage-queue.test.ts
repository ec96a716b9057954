import { createHash } from "node:crypto";
import diagnostics from "node:diagnostics_channel";
import { mkdtemp, rm } from "node:fs/promises";
import { type ClientRequest, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QueueServiceClient, StorageSharedKeyCredential } from "@azure/storage-queue";
import { createBus } from "@waybill/core";
import {
  type Adapter,
  createCodec,
  type Delivery,
  type OutboundMessage,
  type Outcome,
  type Receiver,
  type Sender,
  type Source,
} from "@waybill/core/spi";
import { type Azurite, startAzurite } from "@waybill/emulators";
import { type StorageQueueOptions, storageQueue } from "@waybill/storage-queue";
import { afterAll, describe, expect, it } from "vitest";

/** Azurite, or the reason why there is none: skipped on a person's machine, failed in CI. */
let noAzurite = "";
const azurite: Azurite = await startAzurite().catch((error: Error) => {
  if (process.env.CI) throw error;
  noAzurite = error.message;
  return { connectionString: "UseDevelopmentStorage=true" } as Azurite;
});
if (noAzurite) console.warn(`storage-queue integration tests are skipped: ${noAzurite}`);

const never = new AbortController().signal;
const quick = { retryOptions: { maxTries: 1 } };
const raw = QueueServiceClient.fromConnectionString(azurite.connectionString, quick);
const codec = createCodec();
const cleanups: (() => Promise<unknown>)[] = [];
let topics = 0;

afterAll(async () => {
  await Promise.all(cleanups.map((cleanup) => cleanup()));
  await azurite.stop?.();
});

/** As documented: both names, and six digits of the hash of what they are joined by a slash. */
const queueName = (topic: string, subscription: string) =>
  `${topic}-${subscription}-${createHash("sha256").update(`${topic}/${subscription}`).digest("hex").slice(0, 6)}`;
const plan = (adapter: Adapter, prune = false) => adapter.topology!.plan({ prune, signal: never });

/** A topic of its own for each test, so that none sees another's messages. */
function setUp(options: Partial<StorageQueueOptions> = {}, subscriptions: readonly string[] = ["billing"]) {
  const topic = `topic-${++topics}`;
  const adapter = storageQueue({
    ...(options.sasUrl || options.endpoint ? {} : { connectionString: azurite.connectionString }),
    subscriptions: { [topic]: subscriptions },
    maxPollMs: 100,
    ...options,
  });
  cleanups.push(() => adapter.close());
  const source = (subscription = "billing"): Source => ({ topic, subscription, startFrom: "earliest" });
  const queueOf = (subscription = "billing") => queueName(topic, subscription);
  return { topic, adapter, source, queueOf };
}

const event = (id: string, data: unknown = { id }): OutboundMessage =>
  codec.encode({ specversion: "1.0", id, source: "/shop", type: "placed", data } as never, { headers: false });
const want = (max = 32, maxBytes = 64 * 1024 * 1024) => ({ max, maxBytes, pausedLanes: new Set<string>() });
const idOf = (delivery: Delivery) => codec.decode(delivery.message).event.id;
const ack = (delivery: Delivery) => ({ delivery, kind: "ack" as const });

async function sent(sender: Sender, messages: readonly OutboundMessage[]) {
  const outcomes = await sender.send(messages, never);
  expect(outcomes.filter((outcome) => !outcome.ok)).toEqual([]);
  expect(outcomes).toHaveLength(messages.length);
}

async function receiveAll(receiver: Receiver, count: number, withinMs = 8_000): Promise<Delivery[]> {
  const found: Delivery[] = [];
  const until = Date.now() + withinMs;
  while (found.length < count && Date.now() < until) found.push(...(await receiver.receive(want(), never)));
  expect(found).toHaveLength(count);
  return found;
}

const errorOf = (outcome: Outcome<unknown> | undefined) => (outcome?.ok === false ? outcome.error : undefined);
const one = <T>(list: readonly T[]): T => {
  expect(list).toHaveLength(1);
  return list[0] as T;
};

describe.skipIf(noAzurite !== "")("storage queue over Azurite", () => {
  it("copies each event to every subscription, and an acked one does not come back", async () => {
    const { adapter, topic, source } = setUp({}, ["billing", "mail"]);
    const sender = await adapter.openSender(topic);
    await sent(sender, [event("a"), event("b")]);
    for (const name of ["billing", "mail"]) {
      const receiver = await adapter.openReceiver(source(name));
      const found = await receiveAll(receiver, 2);
      expect(found.map(idOf).sort()).toEqual(["a", "b"]);
      expect(found[0]).toMatchObject({ deliveryCount: 1 });
      const outcomes = await receiver.settle(found.map(ack), never);
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
    expect(await receiver.receive(want(32, 2 * 65_536), never)).toHaveLength(2);
    for (const count of [32, 32, 32, 2]) expect(await receiver.receive(want(128), never)).toHaveLength(count);
    expect(await receiver.receive(want(128), never)).toEqual([]);
    expect(await receiver.receive(want(128), never)).toEqual([]);
  });

  it("keeps the newest receipt through renewals, also when ack and renewal meet", async () => {
    const { adapter, topic, source } = setUp();
    await sent(await adapter.openSender(topic), [event("a")]);
    const receiver = await adapter.openReceiver(source());
    const [delivery] = (await receiveAll(receiver, 1)) as [Delivery];
    const before = Date.now();
    const results = await Promise.all([
      receiver.renew?.([delivery], never),
      receiver.renew?.([delivery], never),
      receiver.settle([ack(delivery)], never),
      receiver.renew?.([delivery], never),
    ]);
    const [renewed, again, acked, late] = results.map((outcomes) => outcomes?.[0]);
    expect(renewed?.ok && (renewed.value as Date).getTime()).toBeGreaterThanOrEqual(before + 30_000);
    expect([again?.ok, acked?.ok]).toEqual([true, true]);
    expect(adapter.classify(errorOf(late))).toBe("lost");
    expect((await adapter.backlog?.(source()))?.events).toBe(0);
  });

  it("holds a renewed message back from others", async () => {
    const { adapter, topic, source } = setUp({ visibilityMs: 1_000 });
    await sent(await adapter.openSender(topic), [event("a")]);
    const receiver = await adapter.openReceiver(source());
    const [delivery] = (await receiveAll(receiver, 1)) as [Delivery];
    const start = Date.now();
    while (Date.now() - start < 2_200) {
      expect(one((await receiver.renew?.([delivery], never)) ?? []).ok).toBe(true);
      expect(await receiver.receive(want(), never)).toEqual([]);
    }
  });

  it("tells the loser of a lease that it is lost", async () => {
    const { adapter, topic, source } = setUp({ visibilityMs: 1_000 });
    await sent(await adapter.openSender(topic), [event("a")]);
    const receiver = await adapter.openReceiver(source());
    const [stale] = (await receiveAll(receiver, 1)) as [Delivery];
    expect(stale.lost.aborted).toBe(false);
    const [fresh] = (await receiveAll(receiver, 1)) as [Delivery];
    expect(fresh.deliveryCount).toBe(2);
    expect(adapter.classify(errorOf(one(await receiver.settle([ack(stale)], never))))).toBe("lost");
    expect(stale.lost.aborted).toBe(true);
    expect(one(await receiver.settle([ack(fresh)], never)).ok).toBe(true);
    expect(adapter.classify(errorOf(one(await receiver.settle([ack(fresh)], never))))).toBe("lost");
  });

  it.each(["base64", "text"] as const)(
    "releases at once and writes the attempt on the message (%s)",
    async (encoding) => {
      const { adapter, topic, source } = setUp({ encoding });
      const original = event("a", { text: "é <&>\r\n\u0001\uffff" });
      await sent(await adapter.openSender(topic), [original]);
      const receiver = await adapter.openReceiver(source());
      const [first] = (await receiveAll(receiver, 1)) as [Delivery];
      expect(Buffer.from(first.message.body ?? []).equals(original.body as Uint8Array)).toBe(true);
      expect(one(await receiver.settle([{ delivery: first, kind: "release", delayMs: 0, attempt: 2 }], never)).ok).toBe(
        true,
      );
      const [second] = (await receiveAll(receiver, 1)) as [Delivery];
      expect(second.deliveryCount).toBe(2);
      expect(codec.decode(second.message).bookkeeping).toEqual({ attempt: 2 });
      expect(codec.decode(second.message).event).toEqual(codec.decode(first.message).event);
    },
  );

  it("releases without an attempt and leaves the text alone; a delay below a second is one", async () => {
    const { adapter, topic, source } = setUp();
    await sent(await adapter.openSender(topic), [event("a")]);
    const receiver = await adapter.openReceiver(source());
    const [first] = (await receiveAll(receiver, 1)) as [Delivery];
    const start = Date.now();
    await receiver.settle([{ delivery: first, kind: "release", delayMs: 1 }], never);
    expect(await receiver.receive(want(), never)).toEqual([]);
    const [second] = (await receiveAll(receiver, 1)) as [Delivery];
    // The broker counts whole seconds of its own clock.
    expect(Date.now() - start).toBeLessThan(5_000);
    expect(second.message.body).toEqual(first.message.body);
  });

  it("releases a message that has no room for its attempt", async () => {
    const { adapter, source, queueOf } = setUp({ encoding: "text" });
    const receiver = await adapter.openReceiver(source());
    const head = '{"specversion":"1.0","id":"a","source":"/s","type":"t","data":"';
    const full = `${head}${"x".repeat(65_536 - head.length - 2)}"}`;
    await raw.getQueueClient(queueOf()).sendMessage(full);
    const [first] = (await receiveAll(receiver, 1)) as [Delivery];
    expect(one(await receiver.settle([{ delivery: first, kind: "release", delayMs: 0, attempt: 2 }], never)).ok).toBe(
      true,
    );
    const [second] = (await receiveAll(receiver, 1)) as [Delivery];
    expect(Buffer.from(second.message.body ?? []).toString()).toBe(full);
  });

  it.each(["another receive", "the next process"])(
    "loses nothing of a receive aborted on its way, for %s",
    async (next) => {
      const { adapter, topic, source } = setUp();
      await sent(
        await adapter.openSender(topic),
        Array.from({ length: 5 }, (_, n) => event(`e-${n}`)),
      );
      const receiver = await adapter.openReceiver(source());
      const abort = new AbortController();
      const onRequest = (message: unknown) => {
        const { path } = (message as { request: ClientRequest }).request;
        if (path.includes("numofmessages")) abort.abort();
      };
      diagnostics.subscribe("http.client.request.start", onRequest);
      try {
        expect(await receiver.receive(want(), abort.signal)).toEqual([]);
      } finally {
        diagnostics.unsubscribe("http.client.request.start", onRequest);
      }
      expect(abort.signal.aborted).toBe(true);
      let reader = receiver;
      if (next === "the next process") {
        await adapter.close();
        const options = { connectionString: azurite.connectionString };
        reader = await storageQueue(options).openReceiver(source());
        expect(await reader.receive(want(), never)).toHaveLength(5);
        return;
      }
      const found = await receiveAll(reader, 5);
      expect(found.map(idOf).sort()).toEqual(["e-0", "e-1", "e-2", "e-3", "e-4"]);
    },
  );

  it("answers an abort promptly while it waits for an idle queue", async () => {
    const { adapter, source } = setUp({ maxPollMs: 60_000 });
    const receiver = await adapter.openReceiver(source());
    for (let n = 0; n < 4; n++) await receiver.receive(want(), never);
    const abort = new AbortController();
    const receiving = receiver.receive(want(), abort.signal);
    const start = Date.now();
    abort.abort();
    expect(await receiving).toEqual([]);
    expect(Date.now() - start).toBeLessThan(100);
  });

  it("sets delay and life of a message", async () => {
    const { adapter, topic, queueOf } = setUp({ messageTtlMs: 60_000 });
    const sender = await adapter.openSender(topic);
    const notBefore = new Date(Date.now() + 400);
    await sent(sender, [event("default"), { ...event("own"), ttlMs: 500, notBefore }]);
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
    const retry = { initialMs: 3_000, inPlaceMs: 0, jitter: 0 };
    const options = { name: "billing", idleMs: 800, retry };
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
    const notBefore = new Date(Date.now() + 1_200);
    await sent(await adapter.openSender(topic), [{ ...event("later"), notBefore }]);
    expect(await receiver.receive(want(), never)).toEqual([]);
    await receiveAll(receiver, 1);
    // The broker's clock has no parts of a second here: one of its ticks may be missing.
    expect(Date.now()).toBeGreaterThan(notBefore.getTime() - 1_000);
  });

  it("prunes what it made itself and nobody declares, and no other queue", async () => {
    const prefix = `prune${++topics}`;
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
    expect(codec.decode(seen as never).event.id).toBe("dead");
    expect(await store.browse(100, never)).toHaveLength(1);
    const [delivery] = (await receiveAll(store, 1)) as [Delivery];
    expect(delivery.deliveryCount).toBe(1);
    expect(store.returnTo).toBe(`${topic}/billing`);
    expect(one(await store.settle([ack(delivery)], never)).ok).toBe(true);
    expect(await store.browse(100, never)).toEqual([]);
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

  it("signs in with a shared key and with a SAS", async () => {
    const key = /AccountKey=([^;]+)/.exec(azurite.connectionString)?.[1] as string;
    const credential = new StorageSharedKeyCredential("devstoreaccount1", key);
    const endpoint = azurite.queueEndpoint as string;
    const sasUrl = raw.generateAccountSasUrl(new Date(Date.now() + 60_000), { toString: () => "rwdlacup" } as never);
    for (const way of [{ endpoint, credential }, { sasUrl }]) {
      const { adapter, topic, source } = setUp(way);
      await sent(await adapter.openSender(topic), [event("a")]);
      await receiveAll(await adapter.openReceiver(source()), 1);
      expect(await adapter.health(never)).toEqual({ ok: true });
    }
  });

  it("refuses everything once it is closed", async () => {
    const { adapter, topic, source } = setUp();
    const sender = await adapter.openSender(topic);
    const receiver = await adapter.openReceiver(source());
    await sent(sender, [event("a")]);
    const [delivery] = (await receiveAll(receiver, 1)) as [Delivery];
    await adapter.close();
    await adapter.close();
    const errors = [
      await sender.send([event("b")], never).catch((error: unknown) => error),
      await receiver.receive(want(), never).catch((error: unknown) => error),
      await adapter.openSender(topic).catch((error: unknown) => error),
      errorOf(one(await receiver.settle([ack(delivery)], never))),
    ];
    expect(errors.map((error) => adapter.classify(error))).toEqual(["closed", "closed", "closed", "closed"]);
    expect((await adapter.health(never)).ok).toBe(false);
  });
});

describe.skipIf(noAzurite !== "")("errors as the SDK really gives them", () => {
  const wrongKey = () => new StorageSharedKeyCredential("devstoreaccount1", Buffer.from("wrong").toString("base64"));
  const client = { retryOptions: { maxTries: 1 } };
  const nowhere = "http://127.0.0.1:1/devstoreaccount1";

  it.each([
    ["a wrong key", "unauthorized", () => ({ endpoint: azurite.queueEndpoint as string, credential: wrongKey() })],
    ["an expired SAS", "unauthorized", () => ({ sasUrl: raw.generateAccountSasUrl(new Date(Date.now() - 60_000)) })],
    ["a refused connection", "transient", () => ({ endpoint: nowhere, credential: wrongKey() })],
    ["a missing queue", "not-found", () => ({ createQueues: false })],
  ])("%s: %s", async (_name, kind, options: () => Partial<StorageQueueOptions>) => {
    const { adapter, topic, source } = setUp({ client, createQueues: false, ...options() });
    const [outcome] = await (await adapter.openSender(topic)).send([event("a")], never);
    expect(adapter.classify(errorOf(outcome))).toBe(kind);
    const refusal = await adapter.openReceiver(source()).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "WB_STORAGE_QUEUE_CALL", hint: expect.stringMatching(/./) });
    expect(adapter.classify(refusal)).toBe(kind);
    if (kind !== "not-found") expect((await adapter.health(never)).ok).toBe(false);
  });

  it("a text over 64 KiB: too-large", async () => {
    const { adapter, topic, queueOf } = setUp();
    await adapter.openSender(topic);
    const sending = raw.getQueueClient(queueOf()).sendMessage("x".repeat(65_537));
    expect(adapter.classify(await sending.catch((error: unknown) => error))).toBe("too-large");
  });

  it("says at opening that it may not create the queue", async () => {
    const { adapter, topic } = setUp({ client, endpoint: azurite.queueEndpoint as string, credential: wrongKey() });
    await expect(adapter.openSender(topic)).rejects.toThrow(/Creating queue topic.*createQueues: false/s);
  });

  it.each([
    [429, "TooManyRequests", "throttled", 1],
    [503, "ServerBusy", "throttled", 2],
    [409, "QueueBeingDeleted", "transient", 1],
  ])("HTTP %i %s is %s after %i tries", async (status, code, kind, tries) => {
    let requests = 0;
    const server = createServer((request, response) => {
      requests++;
      request.resume();
      response.writeHead(status, { "x-ms-error-code": code, "content-type": "application/xml" });
      response.end(`<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>no</Message></Error>`);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/devstoreaccount1`;
      const { adapter, topic } = setUp({ endpoint, credential: wrongKey() });
      const error = await adapter.openSender(topic).catch((thrown: unknown) => thrown);
      expect(adapter.classify(error)).toBe(kind);
      expect(requests).toBe(tries);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe("a service that accepts connections and never answers", () => {
  /** Its address; it answers a look into a queue (not of dead letters), a receive with one message when `delivers` is set, and nothing else ever. */
  async function silent({ delivers = false } = {}) {
    let requests = 0;
    const server = createServer((request, response) => {
      requests++;
      if (/^(?!.*-poison).*peekonly/.test(request.url ?? "")) response.end(NO_MESSAGE);
      else if (delivers && request.method === "GET") response.end(ONE_MESSAGE);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanups.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/devstoreaccount1`;
    const credential = new StorageSharedKeyCredential("devstoreaccount1", "a2V5");
    return { endpoint, credential, asked: () => expect.poll(() => requests).toBeGreaterThan(0) };
  }

  const NO_MESSAGE = `<?xml version="1.0" encoding="utf-8"?><QueueMessagesList></QueueMessagesList>`;
  const ONE_MESSAGE = `<?xml version="1.0" encoding="utf-8"?><QueueMessagesList><QueueMessage><MessageId>m</MessageId>
    <InsertionTime>Fri, 09 Oct 2009 21:04:30 GMT</InsertionTime><ExpirationTime>Fri, 16 Oct 2099 21:04:30 GMT</ExpirationTime>
    <PopReceipt>r</PopReceipt><TimeNextVisible>Fri, 09 Oct 2009 23:29:20 GMT</TimeNextVisible><DequeueCount>1</DequeueCount>
    <MessageText>e30=</MessageText></QueueMessage></QueueMessagesList>`;
  const thrown = (work: Promise<unknown> | undefined) =>
    work?.then(
      () => "no error",
      (error: unknown) => error,
    );

  it("fails every call in time, as something that passes", async () => {
    const { endpoint, credential } = await silent();
    const { adapter, topic, source } = setUp({ endpoint, credential, requestTimeoutMs: 200 });
    const ready = setUp({ endpoint, credential, requestTimeoutMs: 200, createQueues: false });
    const sender = await ready.adapter.openSender(ready.topic);
    const receiver = await ready.adapter.openReceiver(ready.source());
    const letters = await ready.adapter.openDeadLetters?.(ready.source());
    const health = await adapter.health(never);
    const errors = await Promise.all([
      thrown(adapter.openSender(topic)),
      thrown(adapter.openReceiver(source())),
      thrown(adapter.backlog?.(source())),
      thrown(plan(adapter)),
      thrown(plan(adapter, true)),
      sender.send([event("a")], never).then(([outcome]) => errorOf(outcome)),
      thrown(receiver.receive(want(), never)),
      thrown(letters?.browse(1, never)),
      health.ok ? undefined : health.error,
    ]);
    for (const error of errors) {
      expect(String(error)).toMatch(/WB_STORAGE_QUEUE_CALL.*no answer within 200 ms/);
      expect(adapter.classify(error)).toBe("transient");
    }
  });

  it("ends an ack and a renewal in time, and loses nothing by it", async () => {
    const { endpoint, credential } = await silent({ delivers: true });
    const { adapter, source } = setUp({ endpoint, credential, requestTimeoutMs: 200, createQueues: false });
    const receiver = await adapter.openReceiver(source());
    const [delivery] = (await receiver.receive(want(1), never)) as [Delivery];
    const [renewed] = (await receiver.renew?.([delivery], never)) ?? [];
    const [acked] = await receiver.settle([ack(delivery)], never);
    for (const outcome of [renewed, acked]) expect(adapter.classify(errorOf(outcome))).toBe("transient");
    // Still held: a later ack is tried, not refused as lost.
    expect(adapter.classify(errorOf(one(await receiver.settle([ack(delivery)], never))))).toBe("transient");
  });

  it("leaves a send when the caller's signal says so", async () => {
    const { endpoint, credential, asked } = await silent();
    const { adapter, topic } = setUp({ endpoint, credential, createQueues: false });
    const abort = new AbortController();
    const sending = (await adapter.openSender(topic)).send([event("a")], abort.signal);
    await asked();
    abort.abort();
    expect(errorOf(one(await sending))).toMatchObject({ name: "AbortError" });
  });

  it("is left by close, whatever is under way", async () => {
    const { endpoint, credential, asked } = await silent();
    const { adapter, topic, source } = setUp({ endpoint, credential });
    const opening = [thrown(adapter.openSender(topic)), thrown(adapter.openReceiver(source()))];
    await asked();
    const ready = setUp({ endpoint, credential, createQueues: false });
    const sending = (await ready.adapter.openSender(ready.topic)).send([event("a")], never);
    const receiving = thrown((await ready.adapter.openReceiver(ready.source())).receive(want(), never));
    const counting = thrown(ready.adapter.backlog?.(ready.source()));
    await Promise.all([adapter.close(), ready.adapter.close()]);
    const errors = [...(await Promise.all([...opening, receiving, counting])), errorOf(one(await sending))];
    expect(errors.map((error) => adapter.classify(error))).toEqual(Array(5).fill("closed"));
  });
});

describe.skipIf(noAzurite !== "")("a bus over storage queues", () => {
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
    await expect.poll(() => billed, { timeout: 5_000 }).toBe("o-1");
    expect(await letters.list()).toEqual([]);
    await bus.drain({ deadlineMs: 5_000 });
    const left = await Promise.all(["billing", "mail"].map(async (name) => (await bus.backlog(topic, name))?.events));
    await letters.close();
    await bus.close();
    expect(mailed).toEqual(["o-1"]);
    expect(left).toEqual([0, 0]);
  });
});

describe.skipIf(noAzurite !== "")("startAzurite", () => {
  it("keeps a folder's queues from one run to the next", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "waybill-azurite-"));
    try {
      for (const run of [1, 2]) {
        const kept = await startAzurite({ dataDir });
        try {
          const queue = QueueServiceClient.fromConnectionString(kept.connectionString, quick).getQueueClient("kept");
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
