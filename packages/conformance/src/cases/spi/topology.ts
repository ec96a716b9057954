import assert from "node:assert/strict";
import { assess } from "@waybill/core";
import type { Adapter, TopologyStep } from "@waybill/core/spi";
import type { ConformanceCase } from "../../case.ts";
import { ids } from "../../events.ts";
import type { Stage } from "../../stage.ts";

function planOf(stage: Stage, adapter: Adapter, prune = false): Promise<readonly TopologyStep[]> {
  stage.only(adapter.topology !== undefined, "has no topology");
  return stage.run(adapter.topology!.plan({ prune, signal: stage.signal }), "a plan");
}

async function apply(stage: Stage, steps: readonly TopologyStep[]): Promise<void> {
  for (const step of steps) {
    assert.ok(step.apply !== undefined, `${say(step)} can be applied`);
    await stage.run(step.apply(stage.signal), say(step));
  }
}

const say = ({ action, entity, name }: TopologyStep) => `${action} ${entity} ${name}`;
const sayAll = (steps: readonly TopologyStep[]) => steps.map(say).sort();

export const topologyCases: readonly ConformanceCase[] = [
  {
    name: "topology: a plan names what is missing and changes nothing; applied, nothing is missing and events pass",
    async run(stage) {
      const topic = stage.unprepared("a", "b");
      const adapter = await stage.open();
      const steps = await planOf(stage, adapter);
      assert.ok(steps.length > 0, "a topic that nobody has made is missing");
      for (const step of steps) {
        assert.notEqual(step.action, "delete", "nothing is deleted without prune");
        assert.ok(step.entity !== "" && step.name !== "" && step.detail !== "", "a step says what it is about");
      }
      assert.deepEqual(sayAll(await planOf(stage, adapter)), sayAll(steps), "the plan changed nothing");
      await apply(stage, steps);
      assert.deepEqual(sayAll(await planOf(stage, adapter)), [], "nothing is missing any more");
      const other = await stage.open();
      assert.deepEqual(sayAll(await planOf(stage, other)), [], "nor for another instance");
      const [a, b] = [await stage.receiver(other, topic, "a"), await stage.receiver(other, topic, "b")];
      await stage.publish(await stage.sender(adapter, topic), ids(3));
      await stage.drainIds(a, ids(3));
      await stage.drainIds(b, ids(3));
    },
  },
  {
    name: "topology: applying twice, and by two at once, is fine",
    async run(stage) {
      stage.unprepared("a");
      const [one, other] = [await stage.open(), await stage.open()];
      const steps = await planOf(stage, one);
      const same = await planOf(stage, other);
      await Promise.all([apply(stage, steps), apply(stage, same)]);
      await apply(stage, steps);
      assert.deepEqual(sayAll(await planOf(stage, one)), []);
    },
  },
  {
    name: "topology: nothing is deleted without prune, and with it only what is ours and nobody declares",
    async run(stage) {
      const topic = stage.unprepared("a", "b");
      const both = await stage.open();
      const made = await planOf(stage, both);
      await apply(stage, made);
      const one = await stage.open({ told: { [topic]: ["a"] } });
      const deletes = (steps: readonly TopologyStep[]) => steps.filter(({ action }) => action === "delete");
      assert.deepEqual(sayAll(deletes(await planOf(stage, one))), []);
      // Others share the broker: of what they made nothing is touched here.
      const own = new Set(made.map(({ entity, name }) => `${entity} ${name}`));
      const isOwn = ({ entity, name }: TopologyStep) => own.has(`${entity} ${name}`);
      const strays = deletes(await planOf(stage, one, true)).filter(isOwn);
      const needed = await planOf(stage, await stage.open({ told: { [topic]: ["a", "b"] } }), true);
      assert.deepEqual(sayAll(deletes(needed).filter(isOwn)), [], "what is declared is no stray");
      stage.only(strays.length > 0, "deletes nothing of a subscription that is gone");
      await apply(stage, strays);
      await apply(stage, strays);
      assert.deepEqual(sayAll(await planOf(stage, one)), [], "what is declared is still there");
      const gone = await planOf(stage, both);
      assert.deepEqual(
        new Set(gone.map(({ name }) => name)),
        new Set(strays.map(({ name }) => name)),
        "and what was deleted is gone",
      );
    },
  },
  {
    name: "describe: says beforehand what sender and receiver can do, and so what a subscription gets",
    async run(stage) {
      const topic = await stage.topic("a");
      const adapter = await stage.open();
      stage.only(adapter.describe !== undefined, "describes nothing");
      const source = { topic, subscription: "a" };
      const told = await stage.run(adapter.describe!(source, stage.signal), "describing");
      const receiver = await stage.receiver(adapter, topic);
      const sender = await stage.sender(adapter, topic);
      assert.deepEqual(told.sender, sender.capabilities);
      assert.deepEqual(told.receiver, receiver.capabilities);
      const back =
        receiver.returnTo === undefined ? undefined : (await stage.sender(adapter, receiver.returnTo)).capabilities;
      assert.deepEqual(told.returnSender, back);
      for (const order of ["preferred", "none", "required"] as const) {
        const options = { name: "a", order };
        const asked = { topic, options, description: told, inbox: false, outbox: false, claimCheck: false };
        const { granted } = assess(asked);
        const subscribing = stage.run(
          stage.bus(adapter).subscribe(topic, options, () => undefined),
          "subscribing",
        );
        if (granted === undefined) await assert.rejects(subscribing, /WB_ORDER_UNSUPPORTED/);
        else {
          const subscription = await subscribing;
          assert.deepEqual(subscription.guarantee, granted.guarantee, order);
          await stage.run(subscription.close(), "closing");
        }
      }
    },
  },
];
