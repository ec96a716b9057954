import assert from "node:assert/strict";
import type { ConformanceCase } from "../../case.ts";
import { idOf, ids, idsOf } from "../../events.ts";
import { assertKind } from "../../outcomes.ts";
import type { Line, Stage } from "../../stage.ts";

/** Closes the line's receiver and opens another instance on the same subscription. */
async function reopened(stage: Stage, { topic, receiver, adapter }: Line) {
  await stage.run(receiver.close(), "closing a receiver");
  await stage.run(adapter.close(), "closing an instance");
  return stage.receiver(await stage.open(), topic);
}

export const settleCases: readonly ConformanceCase[] = [
  {
    name: "settle/each: an ack of one leaves the others",
    async run(stage) {
      const line = await stage.line();
      stage.only(line.receiver.capabilities.settle === "each", "settles up to");
      await stage.publish(line.sender, ids(4));
      const held = await stage.take(line.receiver, 4);
      await stage.ack(line.receiver, held[2]!);
      const again = await reopened(stage, line);
      const left = await stage.drainIds(again, idsOf(held).toSpliced(2, 1));
      assert.ok(!left.includes(idOf(held[2]!)), "the acked one does not come again");
      stage.saw("settle", "each");
    },
  },
  {
    name: "settle/each: different outcomes in one call keep apart",
    async run(stage) {
      const { sender, receiver } = await stage.line();
      const { settle, release } = receiver.capabilities;
      stage.only(settle === "each" && release !== false, "settles up to, or cannot release");
      await stage.publish(sender, ids(6));
      const held = await stage.take(receiver, 6);
      const settlements = held.map((delivery, index) =>
        index % 2 === 0 ? ({ delivery, kind: "ack" } as const) : ({ delivery, kind: "release", delayMs: 0 } as const),
      );
      await stage.settle(receiver, ...settlements);
      const released = idsOf(held.filter((_, index) => index % 2 === 1));
      const came = await stage.drainIds(receiver, released);
      assert.deepEqual(came.sort(), released.sort(), "exactly the released ones come again");
    },
  },
  {
    name: "settle/upTo: an ack covers all before it in its lane, and nothing after",
    async run(stage) {
      const line = await stage.line();
      stage.only(line.receiver.capabilities.settle === "upTo", "settles each");
      await stage.publish(line.sender, ids(5), "k");
      const held = await stage.take(line.receiver, 5);
      await stage.ack(line.receiver, held[2]!);
      const again = await reopened(stage, line);
      const left = await stage.take(again, 2);
      assert.deepEqual(idsOf(left), ["e-3", "e-4"], "what follows the acked one comes again, nothing before it");
      await stage.ack(again, left[1]!);
      stage.saw("settle", "up to");
    },
  },
  {
    name: "settle/upTo: an ack covers no other lane",
    async run(stage) {
      const line = await stage.line();
      stage.only(line.receiver.capabilities.settle === "upTo", "settles each");
      const keys = ids(16, "k");
      await stage.send(line.sender, ...keys.map((key) => stage.message(line.sender, key, { key })));
      const held = await stage.take(line.receiver, keys.length);
      const lane = held[0]!.lane;
      const others = idsOf(held.filter((delivery) => delivery.lane !== lane));
      stage.only(others.length > 0, "the source has one lane");
      await stage.ack(line.receiver, held.findLast((delivery) => delivery.lane === lane)!);
      const again = await reopened(stage, line);
      const came = await stage.drainIds(again, others);
      assert.deepEqual(came.sort(), others.sort(), "only the other lanes come again");
    },
  },
  {
    name: "settle/upTo: an older ack after a newer one takes nothing back",
    async run(stage) {
      const line = await stage.line();
      stage.only(line.receiver.capabilities.settle === "upTo", "settles each");
      await stage.publish(line.sender, ids(4), "k");
      const held = await stage.take(line.receiver, 4);
      await stage.ack(line.receiver, held[2]!);
      await stage.trySettle(line.receiver, { delivery: held[0]!, kind: "ack" });
      const again = await reopened(stage, line);
      assert.deepEqual(idsOf(await stage.take(again, 1)), ["e-3"]);
    },
  },
  {
    name: "settle: nothing to settle is no error",
    async run(stage) {
      const { receiver } = await stage.line();
      assert.deepEqual(await stage.trySettle(receiver), []);
    },
  },
  {
    name: "settle: one that fails does not fail its neighbours",
    async run(stage) {
      const { adapter, sender, receiver } = await stage.line();
      stage.only(receiver.capabilities.settle === "each", "settles up to");
      await stage.publish(sender, ids(2));
      const [first, second] = await stage.take(receiver, 2);
      await stage.ack(receiver, first!);
      const answers = await stage.trySettle(
        receiver,
        { delivery: first!, kind: "ack" },
        { delivery: second!, kind: "ack" },
      );
      assertKind(adapter, answers[0], ["lost"], "a second ack");
      assert.equal(answers[1]?.ok, true, "the neighbour is acked");
    },
  },
];
