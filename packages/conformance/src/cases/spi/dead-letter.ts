import assert from "node:assert/strict";
import {
  type DeadLetterReason,
  type DeadLetterStore,
  deadTopic,
  decodeDeadLetter,
  encodeDeadLetter,
} from "@waybill/core/spi";
import type { ConformanceCase } from "../../case.ts";
import { codec, idOf, ids, idsOf } from "../../events.ts";
import type { Line, Stage } from "../../stage.ts";

function reasonOf(topic: string): DeadLetterReason {
  return {
    reason: "handler-failed",
    error: "Error: no “luck”, ünïcode & more",
    attempts: 3,
    topic,
    subscription: "a",
    firstFailure: "2026-01-02T03:04:05.678Z",
    time: "2026-01-02T03:05:06.789Z",
  };
}

/** Puts events of these ids among the dead letters, the way core does on this broker. */
async function bury(stage: Stage, { topic, adapter, sender, receiver }: Line, buried: readonly string[]) {
  const reason = reasonOf(topic);
  if (receiver.capabilities.reject) {
    await stage.publish(sender, buried);
    const taken = await stage.take(receiver, buried.length);
    await stage.settle(receiver, ...taken.map((delivery) => ({ delivery, kind: "reject", reason }) as const));
    return;
  }
  const dead = await stage.sender(adapter, deadTopic(topic, "a"));
  const { headers, maxMessageBytes } = dead.capabilities;
  const fits = (message: Parameters<NonNullable<typeof dead.measure>>[0]) =>
    (dead.measure?.(message) ?? 0) <= maxMessageBytes;
  const records = buried.map((id) => encodeDeadLetter(stage.message(dead, id), reason, { headers, fits }));
  await stage.send(dead, ...records);
}

export const deadLetterCases: readonly ConformanceCase[] = [
  {
    name: "reject/true: the message lies in the dead letters with its reason, and nowhere else",
    async run(stage) {
      const line = await stage.line();
      stage.only(line.receiver.capabilities.reject, "cannot reject");
      await stage.publish(line.sender, ["e-0", "e-1"]);
      const taken = await stage.take(line.receiver, 2);
      const rejected = taken.find((delivery) => idOf(delivery) === "e-0")!;
      const acked = taken.find((delivery) => idOf(delivery) === "e-1")!;
      const reason = reasonOf(line.topic);
      await stage.settle(
        line.receiver,
        { delivery: rejected, kind: "reject", reason },
        { delivery: acked, kind: "ack" },
      );
      await stage.nothing(line.receiver, "a rejected message does not come again");
      const dead = await stage.deadLetters(line.adapter, line.topic);
      const record = await stage.takeOne(dead);
      const letter = decodeDeadLetter(record.message);
      assert.deepEqual(letter.reason, reason);
      assert.deepEqual(Buffer.from(letter.original.body!), Buffer.from(rejected.message.body!));
      assert.deepEqual(codec.decode(letter.original), codec.decode(rejected.message));
      await stage.ack(dead, record);
      await stage.nothing(dead, "there is one record");
      stage.saw("reject", "yes");
    },
  },
  {
    name: "reject/true: a long error text does not stand in the way",
    async run(stage) {
      const line = await stage.line();
      stage.only(line.receiver.capabilities.reject, "cannot reject");
      await stage.publish(line.sender, ["e-0"]);
      const delivery = await stage.takeOne(line.receiver);
      const reason = { ...reasonOf(line.topic), error: "x€".repeat(200_000) };
      await stage.settle(line.receiver, { delivery, kind: "reject", reason });
      const dead = await stage.deadLetters(line.adapter, line.topic);
      const letter = decodeDeadLetter((await stage.takeOne(dead)).message);
      assert.equal(idOf({ message: letter.original }), "e-0");
      assert.equal(letter.reason?.reason, "handler-failed", "the reason stays, the text may be cut");
    },
  },
  {
    name: "reject/false: a reject is refused, and loses nothing",
    async run(stage) {
      const { topic, adapter, sender, receiver } = await stage.line();
      stage.only(!receiver.capabilities.reject, "can reject");
      await stage.publish(sender, ["e-0"]);
      const delivery = await stage.takeOne(receiver);
      const [outcome] = await stage.trySettle(receiver, { delivery, kind: "reject", reason: reasonOf(topic) });
      assert.equal(outcome?.ok, false, "a reject is refused");
      await stage.run(adapter.close(), "closing");
      const again = await stage.receiver(await stage.open(), topic);
      assert.equal(idOf(await stage.takeOne(again)), "e-0", "the message comes again");
      stage.saw("reject", "no");
    },
  },
  {
    name: "deadLetters: what stands there is read back with its original and its reason",
    async run(stage) {
      const line = await stage.line();
      // Opened first: a store that is a log has its reader's position before anything is written.
      const dead = await stage.deadLetters(line.adapter, line.topic);
      await bury(stage, line, ids(3));
      const records = await stage.take(dead, 3);
      const letters = records.map(({ message }) => decodeDeadLetter(message));
      assert.deepEqual(letters.map(({ original }) => idOf({ message: original })).sort(), ids(3));
      for (const { reason } of letters) assert.deepEqual(reason, reasonOf(line.topic));
      await stage.ack(dead, ...records);
      await stage.nothing(line.receiver, "the subscription sees none of it");
      stage.saw("deadLetters", line.receiver.capabilities.reject ? "of the broker" : "a place of our own");
    },
  },
  {
    name: "deadLetters: a look takes nothing away",
    async run(stage) {
      const line = await stage.line();
      const dead = await stage.deadLetters(line.adapter, line.topic);
      if (!("browse" in dead)) return stage.skip("its dead letters are read as a topic");
      const store = dead as DeadLetterStore;
      const browse = () => stage.run(store.browse(10, stage.signal), "a look");
      assert.deepEqual(await browse(), [], "nothing there yet");
      await bury(stage, line, ids(3));
      const originals = (messages: Awaited<ReturnType<typeof browse>>) =>
        messages.map((message) => idOf({ message: decodeDeadLetter(message).original })).sort();
      assert.deepEqual(originals(await browse()), ids(3));
      assert.deepEqual(originals(await browse()), ids(3), "a second look sees the same");
      assert.equal((await stage.run(store.browse(2, stage.signal), "a look")).length, 2, "no more than asked");
      const records = await stage.take(store, 3);
      assert.equal(records[0]!.deliveryCount ?? 1, 1, "a look is no delivery");
      await stage.ack(store, ...records);
      assert.deepEqual(await browse(), [], "what is acked is gone");
    },
  },
  {
    name: "deadLetters: one that is given back stays",
    async run(stage) {
      const line = await stage.line();
      const dead = await stage.deadLetters(line.adapter, line.topic);
      await bury(stage, line, ids(2));
      const records = await stage.take(dead, 2);
      const { settle, release } = dead.capabilities;
      if (settle === "each" && release !== false) {
        await stage.settle(
          dead,
          { delivery: records[0]!, kind: "release", delayMs: 0 },
          { delivery: records[1]!, kind: "ack" },
        );
      }
      await stage.run(dead.close(), "closing");
      const again = await stage.deadLetters(line.adapter, line.topic);
      const left =
        settle === "each" && release !== false
          ? [idOf({ message: decodeDeadLetter(records[0]!.message).original })]
          : ids(2);
      const came = await stage.take(again, left.length);
      assert.deepEqual(came.map(({ message }) => idOf({ message: decodeDeadLetter(message).original })).sort(), left);
    },
  },
  {
    name: "deadLetters: those of two subscriptions are kept apart",
    async run(stage) {
      const topic = await stage.topic("a", "b");
      const adapter = await stage.open();
      const receiver = await stage.receiver(adapter, topic, "a");
      const other = await stage.receiver(adapter, topic, "b");
      const sender = await stage.sender(adapter, topic);
      const mine = await stage.deadLetters(adapter, topic, "a");
      const theirs = await stage.deadLetters(adapter, topic, "b");
      await bury(stage, { topic, subscription: "a", adapter, sender, receiver }, ["e-0"]);
      await stage.takeOne(mine);
      await stage.nothing(theirs, "nothing lies with the neighbour");
      if (receiver.capabilities.reject)
        assert.deepEqual(idsOf(await stage.take(other, 1)), ["e-0"], "who has its own copy");
    },
  },
  {
    name: "returnTo: what is sent there reaches that subscription alone",
    async run(stage) {
      const topic = await stage.topic("a", "b");
      const adapter = await stage.open();
      const receiver = await stage.receiver(adapter, topic, "a");
      const other = await stage.receiver(adapter, topic, "b");
      if (receiver.returnTo === undefined) {
        stage.saw("returnTo", "none");
        return;
      }
      assert.notEqual(receiver.returnTo, topic);
      const back = await stage.sender(adapter, receiver.returnTo);
      await stage.publish(back, ids(3));
      assert.deepEqual((await stage.drainIds(receiver, ids(3))).sort(), ids(3));
      await stage.nothing(other, "the other subscription sees none of it");
      stage.saw("returnTo", "reaches it alone");
    },
  },
  {
    name: "returnTo: dead letters name the same place as their subscription",
    async run(stage) {
      const { topic, adapter, receiver } = await stage.line();
      stage.only(adapter.openDeadLetters !== undefined, "its dead letters are read as a topic");
      const dead = await stage.deadLetters(adapter, topic);
      assert.equal(dead.returnTo, receiver.returnTo);
    },
  },
];
