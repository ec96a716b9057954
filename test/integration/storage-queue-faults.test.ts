import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { StorageSharedKeyCredential } from "@azure/storage-queue";
import type { Delivery } from "@waybill/core/spi";
import type { StorageQueueOptions } from "@waybill/storage-queue";
import { describe, expect, it, onTestFinished } from "vitest";
import { acks, errorOf, never, thrown, want } from "./sender-and-receiver.fixture.ts";
import { event, one, openQueues, plan } from "./storage-queue.fixture.ts";

const { azurite, raw, setUp } = await openQueues("storage queues: faults");

describe.skipIf(!azurite)("errors as the SDK really gives them", () => {
  const wrongKey = () => new StorageSharedKeyCredential("devstoreaccount1", Buffer.from("wrong").toString("base64"));
  const client = { retryOptions: { maxTries: 1 } };
  const nowhere = "http://127.0.0.1:1/devstoreaccount1";

  it.each([
    ["a wrong key", "unauthorized", () => ({ endpoint: azurite!.queueEndpoint as string, credential: wrongKey() })],
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
    const { adapter, topic } = setUp({ client, endpoint: azurite!.queueEndpoint as string, credential: wrongKey() });
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
    onTestFinished(async () => {
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
  it("fails every call in time, as something that passes", async () => {
    const { endpoint, credential } = await silent();
    const { adapter, topic, source } = setUp({ endpoint, credential, requestTimeoutMs: 200 });
    const ready = setUp({ endpoint, credential, requestTimeoutMs: 200, createQueues: false });
    const sender = await ready.adapter.openSender(ready.topic);
    const receiver = await ready.adapter.openReceiver(ready.source());
    const letters = await ready.adapter.openDeadLetters!(ready.source());
    const health = await adapter.health(never);
    const errors = await Promise.all([
      thrown(adapter.openSender(topic)),
      thrown(adapter.openReceiver(source())),
      thrown(adapter.backlog!(source())),
      thrown(plan(adapter)),
      thrown(plan(adapter, true)),
      sender.send([event("a")], never).then(([outcome]) => errorOf(outcome)),
      thrown(receiver.receive(want(), never)),
      thrown(letters.browse(1, never)),
      health.ok ? undefined : health.error,
    ]);
    for (const error of errors) {
      expect(String(error)).toMatch(/WB_STORAGE_QUEUE_CALL.*no answer within 200 ms/);
      expect(adapter.classify(error)).toBe("transient");
    }
  });

  it("ends an ack and a renewal in time, and loses nothing by it", async () => {
    const { endpoint, credential } = await silent({ delivers: true });
    const { adapter, source } = setUp({ endpoint, credential, requestTimeoutMs: 1_500, createQueues: false });
    const receiver = await adapter.openReceiver(source());
    const [delivery] = (await receiver.receive(want({ max: 1 }), never)) as [Delivery];
    const [renewed] = (await receiver.renew?.([delivery], never)) ?? [];
    const [acked] = await receiver.settle(acks(delivery), never);
    for (const outcome of [renewed, acked]) expect(adapter.classify(errorOf(outcome))).toBe("transient");
    // Still held: a later ack is tried, not refused as lost.
    expect(adapter.classify(errorOf(one(await receiver.settle(acks(delivery), never))))).toBe("transient");
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
    const counting = thrown(ready.adapter.backlog!(ready.source()));
    await Promise.all([adapter.close(), ready.adapter.close()]);
    const errors = [...(await Promise.all([...opening, receiving, counting])), errorOf(one(await sending))];
    expect(errors.map((error) => adapter.classify(error))).toEqual(Array(5).fill("closed"));
  });
});
