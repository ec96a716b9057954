import assert from "node:assert/strict";
import type { ConformanceCase } from "../../case.ts";
import { codec, ids, idsOf } from "../../events.ts";
import type { Line, Stage } from "../../stage.ts";

/** Long enough for another message to pass meanwhile, also on a busy machine. */
const DELAY_MS = 4_000;
/** Brokers count in whole seconds, or not quite evenly. */
const EARLY_MS = 700;

async function held(stage: Stage): Promise<Line & { delivery: Awaited<ReturnType<Stage["takeOne"]>> }> {
  const line = await stage.line();
  await stage.publish(line.sender, ["e-0"]);
  return { ...line, delivery: await stage.takeOne(line.receiver) };
}

export const releaseCases: readonly ConformanceCase[] = [
  {
    name: "release/none: a release is refused, and loses nothing",
    async run(stage) {
      const { receiver, adapter, topic, delivery } = await held(stage);
      stage.only(receiver.capabilities.release === false, "can release");
      const [outcome] = await stage.trySettle(receiver, { delivery, kind: "release", delayMs: 0 });
      assert.equal(outcome?.ok, false, "a release is refused");
      await stage.run(adapter.close(), "closing");
      assert.deepEqual(idsOf([await stage.takeOne(await stage.receiver(await stage.open(), topic))]), ["e-0"]);
      stage.saw("release", "none");
    },
  },
  {
    name: "release: a message given back comes again at once",
    async run(stage) {
      const { receiver, topic, delivery } = await held(stage);
      const { release } = receiver.capabilities;
      if (release === false || release === "broker") return stage.skip("cannot release at once");
      // Whoever holds a lane keeps it; without lanes it comes to anyone.
      const laned = receiver.capabilities.order === "lane";
      const other = laned ? receiver : await stage.receiver(await stage.open(), topic);
      await stage.settle(receiver, { delivery, kind: "release", delayMs: 0 });
      const beforeMs = stage.time.clock.now();
      const again = await stage.takeOne(other);
      const { lease } = receiver.capabilities;
      const soonMs = lease === false ? 5_000 : lease.ms * 0.9;
      assert.ok(stage.time.clock.now() - beforeMs < soonMs, "well before its lease would have ended");
      if (again.deliveryCount !== undefined) assert.equal(again.deliveryCount, 2, "it counts as a second delivery");
      await stage.ack(other, again);
      await stage.nothing(other, "it came once");
      stage.saw(
        "release",
        release === "now" ? "at once only" : "maxDelayMs" in release ? "after any delay" : "in steps",
      );
    },
  },
  {
    name: "release/delay: a message given back stays away for its delay",
    async run(stage) {
      const { sender, receiver, delivery } = await held(stage);
      const { release } = receiver.capabilities;
      stage.only(typeof release === "object" && "maxDelayMs" in release, "has no delays");
      const beforeMs = stage.time.clock.now();
      await stage.settle(receiver, { delivery, kind: "release", delayMs: DELAY_MS });
      await stage.publish(sender, ["e-1"]);
      assert.deepEqual(await stage.drainIds(receiver, ["e-1"]), ["e-1"], "others pass meanwhile");
      await stage.nothing(
        receiver,
        "not before its delay",
        Math.max(1, beforeMs + DELAY_MS - EARLY_MS - stage.time.clock.now()),
      );
      await stage.drainIds(receiver, ["e-0"]);
      assert.ok(stage.time.clock.now() - beforeMs >= DELAY_MS - EARLY_MS);
    },
  },
  {
    name: "release/delay: it may be longer than a lease",
    async run(stage) {
      const { receiver, delivery } = await held(stage);
      const { release, lease } = receiver.capabilities;
      stage.only(typeof release === "object" && "maxDelayMs" in release && lease !== false, "has no delays or leases");
      const delayMs = Math.round(1.5 * (lease as { ms: number }).ms);
      const beforeMs = stage.time.clock.now();
      await stage.settle(receiver, { delivery, kind: "release", delayMs });
      await stage.nothing(receiver, "not when its lease would have ended", delayMs - EARLY_MS);
      await stage.ack(receiver, await stage.takeOne(receiver, delayMs + 10_000));
      assert.ok(stage.time.clock.now() - beforeMs >= delayMs - EARLY_MS);
    },
  },
  {
    name: "release/steps: a message given back stays away for the step asked for",
    async run(stage) {
      const { receiver, delivery } = await held(stage);
      const { release } = receiver.capabilities;
      if (typeof release !== "object" || !("stepsMs" in release)) return stage.skip("has no steps");
      const step = release.stepsMs.find((ms) => ms > 0)!;
      const beforeMs = stage.time.clock.now();
      await stage.settle(receiver, { delivery, kind: "release", delayMs: step });
      await stage.nothing(receiver, "not before its step", 0.8 * step);
      await stage.ack(receiver, await stage.takeOne(receiver, 3 * step));
      assert.ok(stage.time.clock.now() - beforeMs >= 0.8 * step);
    },
  },
  {
    name: "release/broker: a message given back comes again when the broker likes",
    async run(stage) {
      const { receiver, delivery } = await held(stage);
      stage.only(receiver.capabilities.release === "broker", "the broker does not choose the time");
      await stage.settle(receiver, { delivery, kind: "release", delayMs: 0 });
      await stage.ack(receiver, await stage.takeOne(receiver, 600_000));
      stage.saw("release", "when the broker likes");
    },
  },
  {
    name: "attempt/kept: a release writes the attempt and leaves the event as it was",
    async run(stage) {
      const { receiver, delivery } = await held(stage);
      const { release, keepsAttempt } = receiver.capabilities;
      stage.only(release !== false && keepsAttempt === true, "a release cannot write the attempt");
      const before = codec.decode(delivery.message).event;
      await stage.settle(receiver, { delivery, kind: "release", delayMs: 0, attempt: 2 });
      const second = await stage.takeOne(receiver);
      assert.equal(codec.decode(second.message).bookkeeping.attempt, 2);
      await stage.settle(receiver, { delivery: second, kind: "release", delayMs: 0, attempt: 3 });
      const third = await stage.takeOne(receiver);
      assert.equal(codec.decode(third.message).bookkeeping.attempt, 3, "the newer replaces the older");
      assert.deepEqual(codec.decode(third.message).event, before, "the event is the same");
      await stage.settle(receiver, { delivery: third, kind: "release", delayMs: 0 });
      assert.deepEqual(codec.decode((await stage.takeOne(receiver)).message).event, before, "and again");
      stage.saw("keepsAttempt", "yes");
    },
  },
  {
    name: "attempt/not kept: a release leaves the message byte for byte",
    async run(stage) {
      const { receiver, delivery } = await held(stage);
      const { release, keepsAttempt } = receiver.capabilities;
      stage.only(release !== false && keepsAttempt !== true, "keeps the attempt, or cannot release");
      await stage.settle(receiver, { delivery, kind: "release", delayMs: 0, attempt: 3 });
      const again = await stage.takeOne(receiver, 600_000);
      assert.deepEqual(Buffer.from(again.message.body!), Buffer.from(delivery.message.body!));
      assert.deepEqual({ ...again.message.headers }, { ...delivery.message.headers });
      stage.saw("keepsAttempt", "no");
    },
  },
  {
    name: "deliveryCount: where there is one, it begins at 1 and rises by one",
    async run(stage) {
      const { receiver, delivery } = await held(stage);
      if (delivery.deliveryCount === undefined) return stage.saw("deliveryCount", "none");
      assert.equal(delivery.deliveryCount, 1);
      let latest = delivery;
      for (let count = 2; count <= 4; count++) {
        await stage.settle(receiver, { delivery: latest, kind: "release", delayMs: 0 });
        latest = await stage.takeOne(receiver, 600_000);
        assert.equal(latest.deliveryCount, count);
      }
      await stage.ack(receiver, latest);
      stage.saw("deliveryCount", "counted");
    },
  },
  {
    name: "release: many at once all come again, once each",
    async run(stage) {
      const { sender, receiver } = await stage.line();
      const { release } = receiver.capabilities;
      stage.only(release !== false && release !== "broker", "cannot release at once");
      const all = ids(40);
      await stage.publish(sender, all);
      const taken = await stage.take(receiver, all.length);
      await stage.settle(receiver, ...taken.map((delivery) => ({ delivery, kind: "release", delayMs: 0 }) as const));
      const came = await stage.drainIds(receiver, all);
      assert.deepEqual(came.sort(), [...all].sort());
    },
  },
];
