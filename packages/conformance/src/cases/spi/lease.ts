import assert from "node:assert/strict";
import type { Outcome } from "@waybill/core/spi";
import type { ConformanceCase } from "../../case.ts";
import { ids, idsOf } from "../../events.ts";
import { assertKind, assertOk } from "../../outcomes.ts";
import type { Line, Stage } from "../../stage.ts";

async function leased(stage: Stage): Promise<Line & { ms: number; renewable: boolean }> {
  const line = await stage.line();
  const { lease } = line.receiver.capabilities;
  if (lease === false) return stage.skip("has no lease");
  return { ...line, ...lease };
}

/** One event in hand, and another instance that reads the same subscription. */
async function held(stage: Stage) {
  const line = await leased(stage);
  await stage.publish(line.sender, ["e-0"]);
  const delivery = await stage.takeOne(line.receiver);
  // Now: where many deliveries share a lease, it may move on.
  const untilMs = delivery.leaseUntil?.getTime() ?? 0;
  const other = await stage.receiver(await stage.open(), line.topic);
  return { ...line, delivery, untilMs, other };
}

export const leaseCases: readonly ConformanceCase[] = [
  {
    name: "lease/false: deliveries say no end, and there is nothing to renew",
    async run(stage) {
      const { sender, receiver } = await stage.line();
      stage.only(receiver.capabilities.lease === false, "has a lease");
      await stage.publish(sender, ["e-0"]);
      assert.equal((await stage.takeOne(receiver)).leaseUntil, undefined);
      assert.equal(receiver.renew, undefined);
      stage.saw("lease", "none");
    },
  },
  {
    name: "lease: a delivery says when its lease ends, and it is as long as declared",
    async run(stage) {
      const { sender, receiver, ms } = await leased(stage);
      const { clock } = stage.time;
      await stage.publish(sender, ["e-0"]);
      const beforeMs = clock.now();
      const { leaseUntil } = await stage.takeOne(receiver);
      assert.ok(leaseUntil instanceof Date, "leaseUntil is a Date");
      const slackMs = Math.max(1_500, ms / 10);
      assert.ok(leaseUntil.getTime() >= beforeMs + ms - slackMs, "not shorter than declared");
      assert.ok(leaseUntil.getTime() <= clock.now() + ms + slackMs, "not longer than declared");
    },
  },
  {
    name: "lease: nobody else gets a message that is held",
    async run(stage) {
      const { other, ms } = await held(stage);
      await stage.nothing(other, "a held message is nobody else's", ms / 2);
    },
  },
  {
    name: "lease: a message that is not settled comes again when its lease ends",
    async run(stage) {
      const { other, untilMs, ms } = await held(stage);
      const again = await stage.takeOne(other, 3 * ms + 10_000);
      assert.ok(stage.time.clock.now() >= untilMs - 1_000, "not before");
      if (again.deliveryCount !== undefined) assert.equal(again.deliveryCount, 2, "it counts as a second delivery");
      await stage.ack(other, again);
    },
  },
  {
    name: "lease: a settlement after its end fails as lost, and the new holder's works",
    async run(stage) {
      const { adapter, receiver, other, delivery, ms } = await held(stage);
      const again = await stage.takeOne(other, 3 * ms + 10_000);
      const [late] = await stage.trySettle(receiver, { delivery, kind: "ack" });
      assertKind(adapter, late, ["lost"], "the late ack");
      assert.equal(delivery.lost.aborted, true, "`lost` of that delivery has aborted");
      assert.equal(again.lost.aborted, false, "`lost` of the new one has not");
      await stage.ack(other, again);
    },
  },
  {
    name: "lease: a release after its end fails as lost and moves nothing",
    async run(stage) {
      const { adapter, receiver, other, delivery, ms } = await held(stage);
      stage.only(receiver.capabilities.release !== false, "cannot release");
      const again = await stage.takeOne(other, 3 * ms + 10_000);
      const [late] = await stage.trySettle(receiver, { delivery, kind: "release", delayMs: 0 });
      assertKind(adapter, late, ["lost"], "the late release");
      await stage.ack(other, again);
      await stage.nothing(other, "the message is done");
    },
  },
  {
    name: "lease/renewable: a renewal prolongs it",
    async run(stage) {
      const { receiver, other, delivery, ms, renewable, ...line } = await held(stage);
      stage.only(renewable, "its lease cannot be renewed");
      assert.ok(receiver.renew !== undefined, "renew exists");
      let { untilMs } = line;
      for (let round = 0; round < 3; round++) {
        await stage.nothing(other, "a renewed message stays held", 0.6 * ms);
        const answers: readonly Outcome<Date>[] = await stage.run(
          receiver.renew([delivery], stage.signal),
          "a renewal",
        );
        const answer = answers[0];
        assertOk(answer, "a renewal works");
        assert.ok(answer.value.getTime() > untilMs, "the new end is later");
        untilMs = answer.value.getTime();
      }
      await stage.ack(receiver, delivery);
      await stage.nothing(other, "acked after renewals, it is done", 1.2 * ms);
      stage.saw("lease", "renewable");
    },
  },
  {
    name: "lease/renewable: a renewal of what is lost fails as lost, its neighbour's works",
    async run(stage) {
      const { adapter, sender, receiver, renewable } = await leased(stage);
      stage.only(renewable, "its lease cannot be renewed");
      await stage.publish(sender, ids(2));
      const [first, second] = await stage.take(receiver, 2);
      await stage.ack(receiver, first!);
      const answers = await stage.run(receiver.renew!([first!, second!], stage.signal), "renewals");
      assert.equal(answers.length, 2, "one answer for each");
      assertKind(adapter, answers[0], ["lost"], "renewing a settled delivery");
      assertOk(answers[1], "renewing its neighbour works");
    },
  },
  {
    name: "lease/fixed: there is no way to renew it",
    async run(stage) {
      const { receiver, delivery, renewable } = await held(stage);
      stage.only(!renewable, "its lease can be renewed");
      if (receiver.renew !== undefined) {
        const [answer] = await stage.run(receiver.renew([delivery], stage.signal), "a renewal");
        assert.equal(answer?.ok, false, "a renewal is refused");
      }
      stage.saw("lease", "fixed");
    },
  },
  {
    name: "share: receivers of one subscription share its messages, none twice",
    async run(stage) {
      const line = await stage.line();
      const second = await stage.receiver(await stage.open(), line.topic);
      const receivers = [line.receiver, second];
      // Both take part before it counts: lanes move when a reader joins.
      for (let round = 0; round < 3; round++) {
        const warm = ids(16, `w${round}`);
        await stage.send(line.sender, ...warm.map((id) => stage.message(line.sender, id, { key: id })));
        await stage.drainIds(receivers, warm, { moving: true });
      }
      const all = ids(200);
      await stage.send(
        line.sender,
        ...all.map((id, index) => stage.message(line.sender, id, { key: `k-${index % 16}` })),
      );
      const came = (await stage.drainIds(receivers, all)).filter((id) => id.startsWith("e-"));
      assert.equal(came.length, new Set(came).size, "none came twice");
      assert.deepEqual(idsOf(await stage.receive(second)), [], "nothing is left over");
    },
  },
  {
    name: "lost: what the broker takes away fails as lost and comes again",
    async run(stage) {
      const { revoke } = stage.harness;
      if (revoke === undefined) return stage.skip("the harness cannot take anything away (Harness.revoke)");
      const { adapter, topic, sender, receiver } = await stage.line();
      await stage.publish(sender, ids(3), "k");
      const taken = await stage.take(receiver, 3);
      const signals = taken.map(({ lost }) => lost);
      await stage.run(revoke(adapter, { topic, subscription: "a" }), "a revocation");
      // A broker without a push channel is heard when it is next asked.
      const [late] = await stage.trySettle(receiver, { delivery: taken[2]!, kind: "ack" });
      assertKind(adapter, late, ["lost"], "an ack of what was taken away");
      assert.equal(signals[2]!.aborted, true, "`lost` has aborted");
      const again = await stage.take(receiver, 3);
      assert.deepEqual(idsOf(again).sort(), ids(3), "all come again");
      assert.equal(again[0]!.lost.aborted, false, "under a `lost` of their own");
      await stage.ack(receiver, ...again);
    },
  },
];
