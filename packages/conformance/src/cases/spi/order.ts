import assert from "node:assert/strict";
import type { Delivery, OutboundMessage, Outcome, Sender } from "@waybill/core/spi";
import type { ConformanceCase } from "../../case.ts";
import { idOf, ids, idsOf } from "../../events.ts";
import type { Line, Stage } from "../../stage.ts";

const KEYS = ids(8, "k");
const HOUR_MS = 3_600_000;
const MOST_BYTES = 32 * 1024 * 1024;

async function laned(stage: Stage): Promise<Line> {
  const line = await stage.line();
  stage.only(line.receiver.capabilities.order === "lane", "keeps no order");
  return line;
}

/** `count` events of each key, interleaved: k-0.0, k-1.0, …, k-0.1, … */
function rounds(count: number): { id: string; key: string }[] {
  return Array.from({ length: count * KEYS.length }, (_, index) => {
    const key = KEYS[index % KEYS.length]!;
    return { key, id: `${key}.${Math.floor(index / KEYS.length)}` };
  });
}

function perKey(came: readonly string[]): Map<string, number[]> {
  const map = new Map<string, number[]>();
  for (const id of came) {
    const [key, number] = id.split(".") as [string, string];
    map.set(key, [...(map.get(key) ?? []), Number(number)]);
  }
  return map;
}

export const orderCases: readonly ConformanceCase[] = [
  {
    name: "order/lane: the events of a key arrive in the order they were sent",
    async run(stage) {
      const { sender, receiver } = await laned(stage);
      const events = rounds(25);
      await stage.send(sender, ...events.map(({ id, key }) => stage.message(sender, id, { key })));
      const came = await stage.drainIds(
        receiver,
        events.map(({ id }) => id),
      );
      for (const [key, numbers] of perKey(came)) {
        const sorted = [...numbers].sort((a, b) => a - b);
        assert.deepEqual(numbers, sorted, `${key} in order`);
      }
      stage.saw("order", "per lane");
    },
  },
  {
    name: "order/lane: every delivery has a lane, and a key keeps its own",
    async run(stage) {
      const { sender, receiver } = await laned(stage);
      const events = rounds(4);
      await stage.send(sender, ...events.map(({ id, key }) => stage.message(sender, id, { key })));
      const laneOf = new Map<string, string>();
      for (let left = events.length; left > 0; ) {
        const batch = await stage.take(receiver, 1, { want: { max: 1 } });
        left -= batch.length;
        const delivery = batch[0]!;
        assert.equal(typeof delivery.lane, "string", "a lane");
        const key = idOf(delivery).split(".")[0]!;
        assert.equal(laneOf.get(key) ?? delivery.lane, delivery.lane, `${key} stays on its lane`);
        laneOf.set(key, delivery.lane!);
        await stage.ack(receiver, delivery);
      }
    },
  },
  {
    name: "order/none: deliveries have no lane",
    async run(stage) {
      const { sender, receiver } = await stage.line();
      stage.only(receiver.capabilities.order === "none", "keeps order");
      await stage.publish(sender, ids(3), "k");
      for (const delivery of await stage.take(receiver, 3)) {
        assert.equal(delivery.lane, undefined);
        await stage.ack(receiver, delivery);
      }
      stage.saw("order", "none");
    },
  },
  {
    name: "lanes: a paused lane delivers nothing, the others do, and it goes on in order",
    async run(stage) {
      const { sender, receiver } = await laned(stage);
      await stage.send(sender, ...KEYS.map((key) => stage.message(sender, `${key}.0`, { key })));
      const first = await stage.take(receiver, KEYS.length);
      await stage.ack(receiver, ...first);
      const paused = first[0]!.lane!;
      const laneOf = new Map(first.map((delivery) => [idOf(delivery).split(".")[0]!, delivery.lane!]));
      const later = rounds(4).map(({ id, key }) => ({ key, id: id.replace(/\d+$/, (n) => String(Number(n) + 1)) }));
      const others = later.filter(({ key }) => laneOf.get(key) !== paused);
      stage.only(others.length > 0, "the source has one lane");
      await stage.send(sender, ...later.map(({ id, key }) => stage.message(sender, id, { key })));

      const pausedLanes = new Set([paused]);
      const came = await stage.take(receiver, others.length, { want: { pausedLanes } });
      assert.deepEqual(came.filter(({ lane }) => lane === paused).map(idOf), [], "nothing of the paused lane");
      assert.deepEqual(idsOf(came).sort(), others.map(({ id }) => id).sort(), "everything of the others");
      await stage.ack(receiver, ...newestOfLanes(came));
      await stage.nothing(receiver, "the paused lane stays silent", undefined, { pausedLanes });

      const waiting = later.filter(({ key }) => laneOf.get(key) === paused).map(({ id }) => id);
      const rest = await stage.take(receiver, waiting.length);
      assert.deepEqual([...perKey(idsOf(rest))], [...perKey(waiting)], "then the paused lane, in order and whole");
    },
  },
  {
    name: "lanes: a receive under way hands over nothing of a lane that was paused before it began",
    async run(stage) {
      const { sender, receiver } = await laned(stage);
      await stage.publish(sender, ["k-0.0"], "k-0");
      const [first] = await stage.take(receiver, 1);
      const idle = receiver.receive(stage.want({ pausedLanes: new Set([first!.lane!]) }, receiver), stage.signal);
      await stage.publish(sender, ["k-0.1"], "k-0");
      assert.deepEqual(idsOf(await stage.run(idle, "a receive")), []);
      assert.deepEqual(idsOf(await stage.take(receiver, 1)), ["k-0.1"]);
    },
  },
  {
    name: "overlap: sends at once keep the order of a key",
    async run(stage) {
      const { sender, receiver } = await stage.line();
      stage.only(sender.capabilities.overlap, "sends do not overlap");
      const all = ids(120);
      const sends = Array.from({ length: 12 }, (_, batch) =>
        sender.send(
          all.slice(batch * 10, batch * 10 + 10).map((id) => stage.message(sender, id, { key: "k" })),
          stage.signal,
        ),
      );
      const outcomes = (await stage.run(Promise.all(sends), "sends at once")).flat();
      assert.ok(outcomes.every(({ ok }) => ok));
      const came = await stage.drainIds(receiver, all);
      assert.equal(new Set(came).size, all.length, "all arrive");
      if (receiver.capabilities.order === "lane") assert.deepEqual(came, all, "in order");
      stage.saw("overlap", "yes");
    },
  },
  {
    name: "stopsKeys: behind a message that is refused, none of its key is sent",
    async run(stage) {
      const { sender, receiver } = await stage.line();
      stage.only(sender.capabilities.stopsKeys === true, "a refused message stops nothing");
      for (const refused of refusable(stage, sender)) {
        const { id } = refused;
        const behind = stage.message(sender, `${id}.behind`, { key: "k" });
        const other = stage.message(sender, `${id}.other`, { key: "other" });
        const messages = [stage.message(sender, `${id}.before`, { key: "k" }), refused, behind, other];
        const outcomes = await stage
          .run(sender.send(messages, stage.signal), "a send")
          // Thrown: nothing of it was sent.
          .catch((error: unknown): readonly Outcome[] => messages.map(() => ({ ok: false, error })));
        assert.equal(outcomes[1]!.ok, false, `${id} is refused`);
        assert.equal(outcomes[2]!.ok, false, `what stands behind ${id} is refused with it`);
        const sent = messages.filter((_, index) => outcomes[index]!.ok).map((message) => message.id);
        assert.deepEqual((await stage.drainIds(receiver, sent)).sort(), sent.sort(), "what was taken arrives");
        await stage.nothing(receiver, "and nothing else does");
        await stage.publish(sender, [`${id}.next`], "k");
        await stage.drainIds(receiver, [`${id}.next`]);
      }
      stage.saw("stopsKeys", "yes");
    },
  },
];

/** Of key `k`; each is refused by the sender itself: for later than it can hold back, and too large. */
function refusable(stage: Stage, sender: Sender): OutboundMessage[] {
  const { schedule, maxMessageBytes } = sender.capabilities;
  const most = schedule === false ? 0 : schedule.maxDelayMs;
  const notBefore = new Date(stage.time.clock.now() + most + HOUR_MS);
  const later = { ...stage.message(sender, "later", { key: "k" }), notBefore };
  if (maxMessageBytes > MOST_BYTES) return [later];
  const large = { ...stage.message(sender, "large", { key: "k" }), body: new Uint8Array(maxMessageBytes + 1) };
  return [later, large];
}

function newestOfLanes(deliveries: readonly Delivery[]): Delivery[] {
  return [...new Map(deliveries.map((delivery) => [delivery.lane, delivery])).values()];
}
