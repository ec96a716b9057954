import { createBus, defineEvent, defineTopic, type TopicDefinition } from "@waybill/core";
import { z } from "zod";
import { type BenchOptions, median, type Result } from "../result.ts";
import { type BrokerBench, type BrokerEntry, loads, NOTE, type Peer } from "./broker-bench.ts";

const orderPlaced = defineEvent(
  "com.example.order.placed",
  z.object({ orderId: z.string(), total: z.number(), note: z.string() }),
);
const CALLERS = 1_000;
const ROUNDS = 3;
const WARM_UP = 200;

/** The same work by the raw SDK and by Waybill, turn by turn on the same broker in the same run. */
export async function measureBroker(entry: BrokerEntry, { quick, progress }: BenchOptions): Promise<Result[]> {
  const events = Math.max(CALLERS, Math.round(entry.events * (quick ? 0.1 : 1)));
  const rounds = quick ? 1 : ROUNDS;
  progress(`${entry.name}: ${events} events, ${rounds} round${rounds === 1 ? "" : "s"}`);
  const bench = await entry.start();
  const results: Result[] = [];
  const note = (what: string, value: number, unit: string, aim?: number) => {
    results.push({
      name: `${entry.name}, ${what}`,
      value,
      unit,
      ...(aim === undefined ? {} : { aim }),
      higherIsBetter: true,
    });
    progress(`${entry.name}, ${what}: ${value.toLocaleString("en")} ${unit}`);
  };
  const ratio = (a: number, b: number) => Number((a / b).toFixed(2));
  try {
    const [one] = await turns(rounds, Math.max(200, Math.round(events / 20)), [(count) => rawOneByOne(bench, count)]);
    const peers = bench.peers ?? [];
    const [rawBatch, batch, callers, ...peersSend] = await turns(rounds, events, [
      (count) => rawBatches(bench, entry.batch, count),
      (count) => batches(bench, entry.batch, count),
      (count) => concurrent(bench, count),
      ...peers.map((peer) => (count: number) => peerConcurrent(bench, peer, count)),
    ]);
    const [rawConsume, consumed, ...peersConsume] = await turns(rounds, events, [
      (count) => received(bench, entry.batch, count, (place, first) => bench.rawConsume(place, count, first)),
      (count) => consumption(bench, entry.batch, count),
      ...peers.map(
        (peer) => (count: number) =>
          received(bench, entry.batch, count, (place, first) => peer.consume(place, count, first)),
      ),
    ]);
    note("raw SDK, one send awaited at a time", one!, "events/s");
    note("raw SDK, batches", rawBatch!, "events/s");
    note("publish, batches", batch!, "events/s");
    note("publish, 1 000 callers", callers!, "events/s");
    note("raw SDK, receive and ack", rawConsume!, "events/s");
    note("consume with acks", consumed!, "events/s");
    note("publish in batches / raw SDK's batches", ratio(batch!, rawBatch!), "×", 0.95);
    note("publish with 1 000 callers / raw SDK's batches", ratio(callers!, rawBatch!), "×", 0.95);
    note("publish with 1 000 callers / raw SDK, one at a time", ratio(callers!, one!), "×", 10);
    note("consume with acks / raw SDK", ratio(consumed!, rawConsume!), "×", 0.95);
    for (const [index, peer] of peers.entries()) {
      note(`publish with 1 000 callers / ${peer.name}`, ratio(callers!, peersSend[index]!), "×", 1);
      note(`consume with acks / ${peer.name}`, ratio(consumed!, peersConsume[index]!), "×", 1);
    }
  } finally {
    await bench.stop();
  }
  return results;
}

type Work = (count: number) => Promise<number>;

/** Events per second of each, the median of three rounds; they take turns, so that a slow moment of the machine meets all. */
async function turns(rounds: number, count: number, works: readonly Work[]): Promise<number[]> {
  const rates = works.map(() => [] as number[]);
  for (const work of works) await work(Math.min(count, WARM_UP));
  for (let round = 0; round < rounds; round++) {
    for (const [index, work] of works.entries()) rates[index]!.push((count / (await work(count))) * 1_000);
  }
  return rates.map((values) => Math.round(median(values)));
}

/** Milliseconds that `work` takes. */
async function timed(work: () => Promise<void>): Promise<number> {
  globalThis.gc?.();
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Milliseconds from the first event that arrives to the end: how long a group takes to come together is another matter. */
async function timedFromFirst(work: (first: () => void) => Promise<void>): Promise<number> {
  globalThis.gc?.();
  let started: number | undefined;
  await work(() => {
    started ??= performance.now();
  });
  return performance.now() - started!;
}

async function rawOneByOne(bench: BrokerBench, count: number): Promise<number> {
  const sender = await bench.rawSend((await bench.place()).topic);
  const all = loads(count + 1);
  await sender.one(all[count]!);
  const took = await timed(async () => {
    for (const load of all.slice(0, count)) await sender.one(load);
  });
  await sender.close();
  return took;
}

async function rawBatches(bench: BrokerBench, size: number, count: number): Promise<number> {
  const sender = await bench.rawSend((await bench.place()).topic);
  const all = loads(count + 1);
  await sender.one(all[count]!);
  const took = await timed(async () => {
    for (let from = 0; from < count; from += size) await sender.batch(all.slice(from, Math.min(count, from + size)));
  });
  await sender.close();
  return took;
}

const eventOf = (n: number) => orderPlaced({ orderId: `o-${n}`, total: n, note: NOTE }, { key: `customer-${n % 512}` });

async function withBus<T>(
  bench: BrokerBench,
  work: (
    bus: ReturnType<typeof createBus>,
    topic: TopicDefinition<readonly [typeof orderPlaced]>,
    place: { topic: string; subscription: string },
  ) => Promise<T>,
): Promise<T> {
  const place = await bench.place();
  const bus = createBus({ source: "/bench", adapter: bench.adapter(place) });
  try {
    return await work(bus, defineTopic(place.topic, [orderPlaced]), place);
  } finally {
    await bus.close();
  }
}

const batches = (bench: BrokerBench, size: number, count: number) =>
  withBus(bench, async (bus, topic) => {
    await bus.publish(topic, eventOf(count));
    return timed(async () => {
      for (let from = 0; from < count; from += size) {
        const length = Math.min(size, count - from);
        await bus.publish(
          topic,
          Array.from({ length }, (_, index) => eventOf(from + index)),
        );
      }
    });
  });

async function peerConcurrent(bench: BrokerBench, peer: Peer, count: number): Promise<number> {
  const sender = await peer.send((await bench.place()).topic);
  const all = loads(count + 1);
  await sender.one(all[count]!);
  let next = 0;
  const took = await timed(async () => {
    const caller = async () => {
      while (next < count) await sender.one(all[next++]!);
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
  });
  await sender.close();
  return took;
}

const concurrent = (bench: BrokerBench, count: number) =>
  withBus(bench, async (bus, topic) => {
    await bus.publish(topic, eventOf(count));
    let next = 0;
    return timed(async () => {
      const caller = async () => {
        while (next < count) await bus.publish(topic, eventOf(next++));
      };
      await Promise.all(Array.from({ length: CALLERS }, caller));
    });
  });

/** What is there already is received and acked. */
async function received(
  bench: BrokerBench,
  size: number,
  count: number,
  receive: (place: { topic: string; subscription: string }, first: () => void) => Promise<void>,
): Promise<number> {
  const place = await bench.place();
  const sender = await bench.rawSend(place.topic);
  const all = loads(count);
  for (let from = 0; from < count; from += size) await sender.batch(all.slice(from, from + size));
  await sender.close();
  return timedFromFirst((first) => receive(place, first));
}

const consumption = (bench: BrokerBench, size: number, count: number) =>
  withBus(bench, async (bus, topic, place) => {
    for (let from = 0; from < count; from += size) {
      const length = Math.min(size, count - from);
      await bus.publish(
        topic,
        Array.from({ length }, (_, index) => eventOf(from + index)),
      );
    }
    return timedFromFirst(async (first) => {
      let left = count;
      const all = Promise.withResolvers<void>();
      const subscription = await bus.subscribe(topic, { name: place.subscription, concurrency: 64 }, () => {
        first();
        if (--left === 0) all.resolve();
      });
      await all.promise;
      // The acks are part of the work.
      await subscription.drain({ deadlineMs: 60_000 });
    });
  });
