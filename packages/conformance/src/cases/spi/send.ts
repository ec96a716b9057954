import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { OutboundMessage, Sender } from "@waybill/core/spi";
import type { ConformanceCase } from "../../case.ts";
import { ids } from "../../events.ts";
import { assertKind, assertOk } from "../../outcomes.ts";
import type { Line, Stage } from "../../stage.ts";

const DELAY_MS = 2_000;
const EARLY_MS = 700;
const MOST_BYTES = 32 * 1024 * 1024;
const MOST_MESSAGES = 2_000;

function measured(sender: Sender, message: OutboundMessage): number {
  assert.ok(sender.measure !== undefined, "there is a measure");
  return sender.measure(message);
}

/** The largest message of random bytes that the sender's own measure allows, and the next larger one. */
function largest(stage: Stage, sender: Sender, id: string): { fits: OutboundMessage; over: OutboundMessage } {
  const { maxMessageBytes } = sender.capabilities;
  const shape = stage.message(sender, id);
  const zeros = new Uint8Array(maxMessageBytes + 1);
  const takes = (bytes: number) => measured(sender, { ...shape, body: zeros.subarray(0, bytes) });
  let low = 0;
  let high = maxMessageBytes + 1;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (takes(middle) <= maxMessageBytes) low = middle;
    else high = middle;
  }
  return { fits: { ...shape, body: randomBytes(low) }, over: { ...shape, body: randomBytes(low + 1) } };
}

async function limited(stage: Stage, most = MOST_BYTES): Promise<Line> {
  const line = await stage.line();
  stage.only(line.sender.capabilities.maxMessageBytes <= most, "its limit is beyond what this suite sends");
  return line;
}

export const sendCases: readonly ConformanceCase[] = [
  {
    name: "send: nothing to send is no error",
    async run(stage) {
      const { sender } = await stage.line();
      assert.deepEqual(await stage.run(sender.send([], stage.signal), "a send"), []);
    },
  },
  {
    name: "send: one outcome each, and what is acknowledged arrives",
    async run(stage) {
      const { sender, receiver } = await stage.line();
      const all = ids(50);
      await stage.publish(sender, all);
      assert.deepEqual((await stage.drainIds(receiver, all)).sort(), [...all].sort());
      await stage.nothing(receiver, "nothing more than was sent");
    },
  },
  {
    name: "limits: the largest message is taken and arrives whole",
    async run(stage) {
      const { sender, receiver } = await limited(stage);
      const { fits } = largest(stage, sender, "e-0");
      await stage.send(sender, fits);
      const delivery = await stage.takeOne(receiver);
      assert.equal(Buffer.compare(delivery.message.body!, fits.body!), 0, "byte for byte");
      await stage.ack(receiver, delivery);
      stage.saw("maxMessageBytes", sender.capabilities.maxMessageBytes.toLocaleString("en-US"));
    },
  },
  {
    name: "limits: one byte more is refused as too large",
    async run(stage) {
      const { adapter, sender, receiver } = await limited(stage);
      const { over } = largest(stage, sender, "e-0");
      assert.ok(measured(sender, over) > sender.capabilities.maxMessageBytes);
      const [outcome] = await stage
        .run(sender.send([over], stage.signal), "a send")
        .catch((error: unknown) => [{ ok: false, error } as const]);
      assertKind(adapter, outcome, ["too-large"], "a message over the limit");
      await stage.nothing(receiver, "nothing of it arrives");
      await stage.publish(sender, ["e-1"]);
      assert.deepEqual(await stage.drainIds(receiver, ["e-1"]), ["e-1"], "the sender goes on");
    },
  },
  {
    name: "limits: a full batch is taken whole",
    async run(stage) {
      const { sender, receiver } = await stage.line();
      const { maxSendBatch, maxSendBatchBytes } = sender.capabilities;
      assert.ok(Number.isInteger(maxSendBatch) && maxSendBatch >= 1);
      const count = Math.min(maxSendBatch, MOST_MESSAGES);
      const messages = ids(count).map((id) => stage.message(sender, id, { data: null }));
      const bytes = messages.reduce((sum, message) => sum + measured(sender, message), 0);
      stage.only(bytes <= maxSendBatchBytes, "its batches fill up in bytes first");
      const outcomes = await stage.run(sender.send(messages, stage.signal), "a send");
      assert.equal(outcomes.length, count);
      for (const outcome of outcomes) assertOk(outcome, "a message of a full batch is taken");
      const came = await stage.drainIds(receiver, ids(count));
      assert.equal(came.length, count);
      stage.saw("maxSendBatch", `${count === maxSendBatch ? "" : "at least "}${count.toLocaleString("en-US")}`);
    },
  },
  {
    name: "limits: a batch full of bytes is taken whole",
    async run(stage) {
      const { sender, receiver } = await limited(stage);
      const { maxSendBatchBytes, maxSendBatch, maxMessageBytes } = sender.capabilities;
      stage.only(maxSendBatchBytes <= MOST_BYTES, "its limit is beyond what this suite sends");
      const quarter = Math.floor(maxMessageBytes / 4);
      const messages: OutboundMessage[] = [];
      for (let left = maxSendBatchBytes; messages.length < maxSendBatch; ) {
        const shape = stage.message(sender, `e-${messages.length}`);
        const message = { ...shape, body: randomBytes(Math.min(quarter, left)) };
        left -= measured(sender, message);
        if (left < 0) break;
        messages.push(message);
      }
      const outcomes = await stage.run(sender.send(messages, stage.signal), "a send");
      for (const outcome of outcomes) assertOk(outcome, "a message of a full batch is taken");
      for (let left = messages.length; left > 0; ) {
        const batch = await stage.take(receiver, Math.min(left, receiver.capabilities.maxReceiveBatch));
        await stage.ack(receiver, ...batch);
        left -= batch.length;
      }
      await stage.nothing(receiver, "each came once");
      stage.saw("maxSendBatchBytes", maxSendBatchBytes.toLocaleString("en-US"));
    },
  },
  {
    name: "schedule: a message is not delivered before its time",
    async run(stage) {
      const { sender, receiver } = await stage.line();
      stage.only(sender.capabilities.schedule !== false, "cannot schedule");
      const { clock } = stage.time;
      const beforeMs = clock.now();
      const notBefore = new Date(beforeMs + DELAY_MS);
      await stage.send(
        sender,
        { ...stage.message(sender, "later", { key: "k" }), notBefore },
        { ...stage.message(sender, "past", { key: "k" }), notBefore: new Date(beforeMs - 60_000) },
        stage.message(sender, "now", { key: "k" }),
      );
      assert.deepEqual((await stage.drainIds(receiver, ["now", "past"])).sort(), ["now", "past"]);
      await stage.nothing(receiver, "not before its time", Math.max(1, beforeMs + DELAY_MS - EARLY_MS - clock.now()));
      await stage.drainIds(receiver, ["later"]);
      assert.ok(clock.now() >= notBefore.getTime() - EARLY_MS);
      stage.saw("schedule", "yes");
    },
  },
  {
    name: "dedupe: a second message of one id is dropped where declared, else kept",
    async run(stage) {
      const { sender, receiver } = await stage.line();
      await stage.publish(sender, ["same", "same", "other"]);
      await stage.publish(sender, ["same"]);
      const { dedupe } = sender.capabilities;
      const expected = dedupe ? ["other", "same"] : ["other", "same", "same", "same"];
      const came: string[] = [];
      while (came.length < expected.length)
        came.push(...(await stage.drainIds(receiver, [came.includes("other") ? "same" : "other"])));
      assert.deepEqual(came.sort(), expected);
      await stage.nothing(receiver, "no more than these");
      stage.saw("dedupe", dedupe ? "yes" : "no");
    },
  },
  {
    name: "fan-out: every subscription gets every message, and settles it for itself",
    async run(stage) {
      const topic = await stage.topic("a", "b");
      const adapter = await stage.open();
      const one = await stage.receiver(adapter, topic, "a");
      const two = await stage.receiver(adapter, topic, "b");
      const sender = await stage.sender(adapter, topic);
      const all = ids(10);
      await stage.publish(sender, all, "k");
      assert.deepEqual((await stage.drainIds(one, all)).sort(), [...all].sort());
      assert.deepEqual((await stage.drainIds(two, all)).sort(), [...all].sort(), "an ack of one leaves the other's");
      stage.saw("fanOut", sender.capabilities.fanOut ? "by the broker" : "by the sender");
    },
  },
  {
    name: "fan-out/true: a sender need not know the subscriptions",
    async run(stage) {
      const topic = await stage.topic("a", "b");
      const knowing = await stage.open();
      const one = await stage.receiver(knowing, topic, "a");
      const two = await stage.receiver(knowing, topic, "b");
      const stranger = await stage.open({ told: false });
      const sender = await stage.run(stranger.openSender(topic), "opening a sender").catch(() => undefined);
      const known = sender ?? (await stage.sender(knowing, topic));
      stage.only(known.capabilities.fanOut, "the sender copies");
      assert.ok(sender !== undefined, "a sender opens without them");
      await stage.publish(sender, ids(3));
      for (const receiver of [one, two]) assert.deepEqual((await stage.drainIds(receiver, ids(3))).sort(), ids(3));
    },
  },
  {
    name: "fan-out/false: a sender that knows no subscription refuses",
    async run(stage) {
      const topic = await stage.topic("a");
      const sender = await stage.sender(await stage.open(), topic);
      stage.only(!sender.capabilities.fanOut, "the broker copies");
      const stranger = await stage.open({ told: false });
      const refused = await stage.run(stranger.openSender(topic), "opening a sender").then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
      assert.ok(refused !== undefined, "it does not open: its events would reach nobody");
      assert.ok(["not-found", "invalid"].includes(stranger.classify(refused.error)));
    },
  },
  {
    name: "fan-out/false: a subscription that senders do not know is refused",
    async run(stage) {
      const topic = await stage.topic("a");
      const adapter = await stage.open();
      stage.only(!(await stage.sender(adapter, topic)).capabilities.fanOut, "the broker copies");
      const opening = adapter.openReceiver({ topic, subscription: "stranger", startFrom: "earliest" });
      await assert.rejects(stage.run(opening, "opening a receiver"), "nothing would ever reach it");
    },
  },
];
