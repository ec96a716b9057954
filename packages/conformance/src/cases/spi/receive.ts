import assert from "node:assert/strict";
import type { Delivery } from "@waybill/core/spi";
import type { ConformanceCase } from "../../case.ts";
import { ids, idsOf } from "../../events.ts";

/** An aborted receive must not make its caller wait for the broker. */
const PROMPT_MS = 500;
const VOLUME = 1_000;

/** Real time, whatever the clock under test: nothing may have to be waited for. */
async function promptly<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It had not ended ${PROMPT_MS} ms after its signal.`)), PROMPT_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export const receiveCases: readonly ConformanceCase[] = [
  {
    name: "receive: an idle source answers nothing, again and again",
    async run(stage) {
      const { receiver } = await stage.line();
      for (let round = 0; round < 3; round++) assert.deepEqual(await stage.receive(receiver), []);
    },
  },
  {
    name: "receive: never more than asked, nor than declared",
    async run(stage) {
      const { sender, receiver } = await stage.line();
      const { maxReceiveBatch } = receiver.capabilities;
      assert.ok(Number.isInteger(maxReceiveBatch) && maxReceiveBatch >= 1);
      const all = ids(Math.min(maxReceiveBatch + 20, VOLUME));
      await stage.publish(sender, all);
      let most = 0;
      const came: Delivery[] = [];
      for (const max of [1, 3]) {
        const batch = await stage.take(receiver, 1, { want: { max } });
        assert.ok(batch.length <= max, `${batch.length} for ${max}`);
        came.push(...batch);
      }
      // More is asked than it may answer.
      for (let round = 0; came.length < all.length && round < 200; round++) {
        const batch = await stage.receive(receiver, { max: maxReceiveBatch });
        most = Math.max(most, batch.length);
        came.push(...batch);
        await stage.ack(receiver, ...batch);
      }
      assert.ok(most <= maxReceiveBatch, `${most} at once`);
      assert.equal(new Set(idsOf(came)).size, all.length);
      stage.saw("maxReceiveBatch", maxReceiveBatch.toLocaleString("en-US"));
    },
  },
  {
    name: "receive: keeps within maxBytes, but one always fits",
    async run(stage) {
      const { sender, receiver } = await stage.line();
      const data = "x".repeat(4_000);
      await stage.send(sender, ...ids(8).map((id) => stage.message(sender, id, { key: "k", data })));
      const came: Delivery[] = [];
      for (let round = 0; came.length < 3 && round < 100; round++) {
        const batch = await stage.receive(receiver, { max: receiver.capabilities.maxReceiveBatch, maxBytes: 1 });
        assert.ok(batch.length <= 1, "one byte of room takes one message");
        came.push(...batch);
      }
      assert.equal(came.length, 3, "they do come");
      const rest = await stage.receive(receiver, { maxBytes: 10_000 });
      assert.ok(rest.length <= 2, "two of 4 000 bytes and more fit into 10 000");
    },
  },
  {
    name: "receive: does not wait while something is there",
    async run(stage) {
      const line = await stage.line();
      await stage.publish(line.sender, ids(3), "k");
      await stage.ack(line.receiver, ...(await stage.take(line.receiver, 3)));
      await stage.publish(line.sender, ids(40, "f"), "k");
      const receiver = line.receiver;
      await stage.takeOne(receiver);
      const { clock } = stage.time;
      const beforeMs = clock.now();
      let received = 1;
      while (received < 40) {
        const batch = await stage.receive(receiver, { max: 10 });
        if (batch.length === 0) break;
        received += batch.length;
      }
      assert.equal(received, 40, "no empty answer in between");
      assert.ok(clock.now() - beforeMs < 2_000, `took ${clock.now() - beforeMs} ms`);
    },
  },
  {
    name: "receive: an idle one ends promptly when its signal aborts",
    async run(stage) {
      const { sender, receiver } = await stage.line();
      assert.deepEqual(await stage.receive(receiver), []);
      const abort = new AbortController();
      const idle = receiver.receive(stage.want({}, receiver), abort.signal);
      await stage.time.pass(1);
      abort.abort();
      assert.deepEqual(idsOf(await promptly(idle)), [], "with nothing");
      await stage.publish(sender, ["e-0"]);
      assert.deepEqual(await stage.drainIds(receiver, ["e-0"]), ["e-0"], "and it can be called again");
    },
  },
  {
    name: "receive: with a signal that has aborted it answers nothing and loses nothing",
    async run(stage) {
      const { sender, receiver } = await stage.line();
      await stage.publish(sender, ids(5), "k");
      const answer = await stage.receive(receiver, {}, AbortSignal.abort());
      assert.deepEqual(idsOf(answer), []);
      assert.deepEqual((await stage.drainIds(receiver, ids(5))).sort(), ids(5));
    },
  },
  {
    name: "receive: an abort that meets an arrival loses nothing",
    async run(stage) {
      const { sender, receiver } = await stage.line();
      const seen: string[] = [];
      const rounds = 20;
      for (let round = 0; round < rounds; round++) {
        const abort = new AbortController();
        const receiving = receiver.receive(stage.want({}, receiver), abort.signal);
        const sending = sender.send([stage.message(sender, `e-${round}`, { key: "k" })], stage.signal);
        for (let turn = 0; turn < round % 5; turn++) await new Promise((resolve) => setImmediate(resolve));
        abort.abort();
        const batch = await stage.run(receiving, "an aborted receive");
        assert.ok((await stage.run(sending, "a send"))[0]?.ok);
        seen.push(...idsOf(batch));
        await stage.ack(receiver, ...batch);
      }
      const missing = ids(rounds).filter((id) => !seen.includes(id));
      const came = await stage.drainIds(receiver, missing);
      assert.equal(new Set([...seen, ...came]).size, rounds);
    },
  },
  {
    name: "receive: settling and renewing go on beside it",
    async run(stage) {
      const { sender, receiver } = await stage.line();
      await stage.publish(sender, ids(2), "k");
      const [first, second] = await stage.take(receiver, 2);
      const abort = new AbortController();
      const idle = receiver.receive(stage.want({}, receiver), abort.signal);
      await stage.ack(receiver, first!);
      const { lease } = receiver.capabilities;
      if (lease !== false && lease.renewable && receiver.renew !== undefined) {
        const [renewed] = await stage.run(receiver.renew([second!], stage.signal), "a renewal");
        assert.ok(renewed?.ok);
      }
      await stage.ack(receiver, second!);
      abort.abort();
      assert.deepEqual(idsOf(await stage.run(idle, "a receive")), []);
    },
  },
  {
    name: "receive: one byte larger, one smaller: key, lane and neighbours stay what they are",
    async run(stage) {
      const { sender, receiver } = await stage.line();
      const sizes = [0, 1, 100, 5_000, 2, 20_000, 3];
      const messages = sizes.map((size, index) =>
        stage.message(sender, `e-${index}`, { key: "k", data: "y".repeat(size) }),
      );
      await stage.send(sender, ...messages);
      const came = await stage.take(receiver, sizes.length);
      const bytes = new Map(messages.map((message, index) => [`e-${index}`, Buffer.from(message.body!)]));
      for (const delivery of came) {
        const id = idsOf([delivery])[0]!;
        assert.deepEqual(Buffer.from(delivery.message.body!), bytes.get(id));
      }
    },
  },
  {
    name: "volume: a thousand messages, none lost and none doubled",
    async run(stage) {
      const { sender, receiver } = await stage.line();
      const all = ids(VOLUME);
      await stage.send(sender, ...all.map((id, index) => stage.message(sender, id, { key: `k-${index % 32}` })));
      const came = await stage.drainIds(receiver, all);
      assert.equal(came.length, VOLUME, "each came once");
      await stage.nothing(receiver, "nothing is left over");
    },
  },
  {
    name: "startFrom/earliest: a new subscription gets what was sent before it was opened",
    async run(stage) {
      const topic = await stage.topic("a");
      const adapter = await stage.open();
      await stage.publish(await stage.sender(adapter, topic), ids(3), "k");
      const receiver = await stage.receiver(adapter, topic, "a", "earliest");
      assert.deepEqual((await stage.drainIds(receiver, ids(3))).sort(), ids(3));
    },
  },
  {
    name: "startFrom/latest: a new subscription gets what is sent after it was opened",
    async run(stage) {
      const topic = await stage.topic("a");
      const adapter = await stage.open();
      const sender = await stage.sender(adapter, topic);
      await stage.publish(sender, ["before"], "k");
      const receiver = await stage.receiver(adapter, topic, "a", "latest");
      // A group that is being assigned its lanes takes its position only then.
      const early = await stage.receive(receiver);
      await stage.publish(sender, ["after"], "k");
      const came = [...idsOf(early), ...(await stage.drainIds(receiver, ["after"]))];
      const log = receiver.capabilities.lease === false;
      if (log) assert.deepEqual(came, ["after"], "nothing older");
      stage.saw("startFrom latest", log ? "skips what came before" : "is a queue: gets all it holds");
    },
  },
  {
    name: "startFrom: a position that exists counts, whatever is asked",
    async run(stage) {
      const line = await stage.line();
      await stage.publish(line.sender, ["e-0"], "k");
      await stage.drainIds(line.receiver, ["e-0"]);
      await stage.run(line.receiver.close(), "closing");
      await stage.publish(line.sender, ["e-1"], "k");
      const latest = await stage.receiver(line.adapter, line.topic, "a", "latest");
      assert.deepEqual(await stage.drainIds(latest, ["e-1"]), ["e-1"], "latest skips nothing");
      await stage.run(latest.close(), "closing");
      await stage.publish(line.sender, ["e-2"], "k");
      const earliest = await stage.receiver(line.adapter, line.topic, "a", "earliest");
      assert.deepEqual(await stage.drainIds(earliest, ["e-2"]), ["e-2"], "earliest repeats nothing");
    },
  },
];
