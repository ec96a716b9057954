import diagnostics from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";
import { createCodec, type Delivery } from "@waybill/core/spi";
import { storageQueue } from "@waybill/storage-queue";
import { describe, expect, it } from "vitest";
import { acks, errorOf, never, sent, want } from "./sender-and-receiver.fixture.ts";
import { event, idOf, one, openQueues, receiveAll } from "./storage-queue.fixture.ts";

const { azurite, connectionString, raw, setUp } = await openQueues("storage queues: leases");
const codec = createCodec();

/** Of the HTTP requests that begin while `work` does. */
async function pathsOf(work: () => Promise<unknown>, told?: (path: string) => void): Promise<string[]> {
  const paths: string[] = [];
  const onRequest = (message: unknown) => {
    const { path } = (message as { request: ClientRequest }).request;
    paths.push(path);
    told?.(path);
  };
  diagnostics.subscribe("http.client.request.start", onRequest);
  try {
    await work();
  } finally {
    diagnostics.unsubscribe("http.client.request.start", onRequest);
  }
  return paths;
}

describe.skipIf(!azurite)("leases of storage queues", () => {
  it("keeps the newest receipt through renewals, also when ack and renewal meet", async () => {
    const { adapter, topic, source } = setUp();
    await sent(await adapter.openSender(topic), [event("a")]);
    const receiver = await adapter.openReceiver(source());
    const [delivery] = (await receiveAll(receiver, 1)) as [Delivery];
    const before = Date.now();
    const results = await Promise.all([
      receiver.renew?.([delivery], never),
      receiver.renew?.([delivery], never),
      receiver.settle(acks(delivery), never),
      receiver.renew?.([delivery], never),
    ]);
    const [renewed, again, acked, late] = results.map((outcomes) => outcomes?.[0]);
    expect(renewed?.ok && (renewed.value as Date).getTime()).toBeGreaterThanOrEqual(before + 30_000);
    expect([again?.ok, acked?.ok]).toEqual([true, true]);
    expect(adapter.classify(errorOf(late))).toBe("lost");
    expect((await adapter.backlog?.(source()))?.events).toBe(0);
  });

  it("holds a renewed message back from others", async () => {
    const { adapter, topic, source } = setUp({ visibilityMs: 3_000 });
    await sent(await adapter.openSender(topic), [event("a")]);
    const receiver = await adapter.openReceiver(source());
    const [delivery] = (await receiveAll(receiver, 1)) as [Delivery];
    const start = Date.now();
    while (Date.now() - start < 4_200) {
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
    expect(adapter.classify(errorOf(one(await receiver.settle(acks(stale), never))))).toBe("lost");
    expect(stale.lost.aborted).toBe(true);
    expect(one(await receiver.settle(acks(fresh), never)).ok).toBe(true);
    expect(adapter.classify(errorOf(one(await receiver.settle(acks(fresh), never))))).toBe("lost");
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
    const paths = await pathsOf(() => receiver.settle([{ delivery: first, kind: "release", delayMs: 1 }], never));
    expect(paths).toEqual([expect.stringMatching(/[?&]visibilitytimeout=1(&|$)/)]);
    const [second] = (await receiveAll(receiver, 1, 20_000)) as [Delivery];
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
      await pathsOf(
        async () => expect(await receiver.receive(want(), abort.signal)).toEqual([]),
        (path) => path.includes("numofmessages") && abort.abort(),
      );
      expect(abort.signal.aborted).toBe(true);
      let reader = receiver;
      if (next === "the next process") {
        await adapter.close();
        const options = { connectionString: connectionString };
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
    // Pauses grow: the next one lasts at least 2.4 s.
    for (let n = 0; n < 6; n++) await receiver.receive(want(), never);
    const abort = new AbortController();
    const receiving = receiver.receive(want(), abort.signal);
    const start = Date.now();
    abort.abort();
    expect(await receiving).toEqual([]);
    expect(Date.now() - start).toBeLessThan(2_000);
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
      errorOf(one(await receiver.settle(acks(delivery), never))),
    ];
    expect(errors.map((error) => adapter.classify(error))).toEqual(["closed", "closed", "closed", "closed"]);
    expect((await adapter.health(never)).ok).toBe(false);
  });
});
