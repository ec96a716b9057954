import { type Bus, createBus, defineEvent, defineTopic, type TopicDefinition } from "@waybill/core";
import type { Adapter } from "@waybill/core/spi";
import { type BenchOptions, collectGarbage, median, type Result } from "../result.ts";
import {
  type BenchClock,
  type BrokerBench,
  type BrokerEntry,
  type Load,
  loads,
  type Peer,
  type Place,
} from "./broker-bench.ts";

/** Without a schema: what a raw SDK sends and receives is not validated either. */
const orderPlaced = defineEvent("com.example.order.placed");
type Orders = TopicDefinition<readonly [typeof orderPlaced]>;

const CALLERS = 1_000;
const ROUNDS = 3;

/** The same work by the raw SDK and by Waybill, turn by turn on the same broker in the same run. */
export async function measureBroker(entry: BrokerEntry, { quick, progress }: BenchOptions): Promise<Result[]> {
  const scaled = (count: number) => Math.max(CALLERS, Math.round(count * (quick ? 0.1 : 1)));
  const events = scaled(entry.events);
  const consumed = scaled(entry.consumeEvents ?? entry.events);
  const rounds = quick ? 1 : (entry.rounds ?? ROUNDS);
  progress(`${entry.name}: ${events} events, ${consumed} to consume, ${rounds} round${rounds === 1 ? "" : "s"}`);
  const bench = await entry.start();
  const results: Result[] = [];
  const note = (what: string, value: number, unit: string, aim?: number) => {
    const name = `${entry.name}, ${what}`;
    results.push({ name, value, unit, ...(aim === undefined ? {} : { aim }), higherIsBetter: unit !== "µs" });
    progress(`${name}: ${value.toLocaleString("en")} ${unit}${aim === undefined ? "" : ` (aim ${aim})`}`);
  };
  const rate = (what: string, { perSecond, cpuUs }: Measured) => {
    note(what, perSecond, "events/s");
    note(`${what}, processor time of an event`, cpuUs, "µs");
  };
  const ratio = (what: string, a: Measured, b: Measured, aim: number) =>
    note(what, Number(median(a.rates.map((of, round) => of / b.rates[round]!)).toFixed(2)), "×", aim);
  try {
    const peers = bench.peers ?? [];
    const engines = (bench.engines ?? []).map(({ name, adapter }) => ({ name, bench: { ...bench, adapter } }));
    const [one] = await turns(rounds, Math.max(200, Math.round(events / 20)), [(all) => rawOneByOne(bench, all)]);
    const [rawBatch, batch, callers, ...othersSend] = await turns(rounds, events, [
      (all) => rawBatches(bench, entry.batch, all),
      (all) => batches(bench, entry.batch, all),
      (all) => concurrent(bench, all),
      ...engines.map((engine) => (all: readonly Load[]) => batches(engine.bench, entry.batch, all)),
      ...engines.map((engine) => (all: readonly Load[]) => concurrent(engine.bench, all)),
      ...peers.map((peer) => (all: readonly Load[]) => peerConcurrent(bench, peer, all)),
    ]);
    const [enginesBatch, enginesCallers, peersSend] = split(othersSend, engines.length, 2);
    const [rawConsume, consume, ...othersConsume] = await turns(rounds, consumed, [
      (all) => received(bench, entry.batch, all, (place, clock) => bench.rawConsume(place, all.length, clock)),
      (all) => consumption(bench, entry.batch, all),
      ...engines.map((engine) => (all: readonly Load[]) => consumption(engine.bench, entry.batch, all)),
      ...peers.map(
        (peer) => (all: readonly Load[]) =>
          received(bench, entry.batch, all, (place, clock) => peer.consume(place, all.length, clock)),
      ),
    ]);
    const [enginesConsume, peersConsume] = split(othersConsume, engines.length, 1);
    rate("raw SDK, one send awaited at a time", one!);
    rate("raw SDK, batches", rawBatch!);
    rate("publish, batches", batch!);
    rate("publish, 1 000 callers", callers!);
    rate("raw SDK, receive and ack", rawConsume!);
    rate("consume with acks", consume!);
    ratio("publish in batches / raw SDK's batches", batch!, rawBatch!, 0.95);
    ratio("publish with 1 000 callers / raw SDK's batches", callers!, rawBatch!, 0.95);
    ratio("publish with 1 000 callers / raw SDK, one at a time", callers!, one!, 10);
    ratio("consume with acks / raw SDK", consume!, rawConsume!, 0.95);
    for (const [index, { name }] of engines.entries()) {
      const [ownBatch, ownCallers, ownConsume] = [
        enginesBatch![index]!,
        enginesCallers![index]!,
        enginesConsume![index]!,
      ];
      rate(`${name}: publish, batches`, ownBatch);
      rate(`${name}: publish, 1 000 callers`, ownCallers);
      rate(`${name}: consume with acks`, ownConsume);
      ratio(`${name}: publish in batches / raw SDK's batches`, ownBatch, rawBatch!, 0.95);
      ratio(`${name}: publish with 1 000 callers / raw SDK's batches`, ownCallers, rawBatch!, 0.95);
      ratio(`${name}: consume with acks / raw SDK`, ownConsume, rawConsume!, 0.95);
    }
    for (const [index, peer] of peers.entries()) {
      ratio(`publish with 1 000 callers / ${peer.name}`, callers!, peersSend![index]!, 1);
      ratio(`consume with acks / ${peer.name}`, consume!, peersConsume![index]!, 1);
    }
  } finally {
    await bench.stop();
  }
  return results;
}

/** So many parts of that size, and the rest. */
const split = <T>(all: readonly T[], size: number, parts: number): T[][] => [
  ...Array.from({ length: parts }, (_, part) => all.slice(part * size, (part + 1) * size)),
  all.slice(parts * size),
];

interface Took {
  readonly ms: number;
  /** Of this process, microseconds: tells the work apart from waiting, and from a machine that is busy otherwise. */
  readonly cpuUs: number;
}
interface Measured {
  readonly perSecond: number;
  /** Of each round: two that ran one after the other compare better than two medians, which may be of different minutes of the machine. */
  readonly rates: readonly number[];
  readonly cpuUs: number;
}
type Work = (all: readonly Load[]) => Promise<Took>;

/** Each the median of some rounds; they take turns, so that a slow moment of the machine meets all. One more, shorter, goes first to warm up. */
async function turns(rounds: number, count: number, works: readonly Work[]): Promise<Measured[]> {
  const all = loads(count);
  const took = works.map(() => [] as Took[]);
  for (const work of works) await work(all.slice(0, Math.ceil(count / 4)));
  for (let round = 0; round < rounds; round++) {
    for (const [index, work] of works.entries()) took[index]!.push(await work(all));
  }
  return took.map((some) => ({
    perSecond: Math.round((count / median(some.map(({ ms }) => ms))) * 1_000),
    rates: some.map(({ ms }) => (count / ms) * 1_000),
    cpuUs: Number((median(some.map(({ cpuUs }) => cpuUs)) / count).toFixed(1)),
  }));
}

/**
 * From the first event that arrives to the last ack, where `work` says so: how long a group takes to come together, and how long a client takes to leave,
 * are other matters.
 */
async function timed(work: (clock: BenchClock) => Promise<void>): Promise<Took> {
  collectGarbage();
  const now = () => ({ ms: performance.now(), cpu: process.cpuUsage() });
  let started = now();
  let ended: ReturnType<typeof now> | undefined;
  let isFirst = true;
  await work({
    first() {
      if (isFirst) started = now();
      isFirst = false;
    },
    last() {
      ended ??= now();
    },
  });
  ended ??= now();
  const cpuUs = ended.cpu.user - started.cpu.user + (ended.cpu.system - started.cpu.system);
  return { ms: ended.ms - started.ms, cpuUs };
}

function* chunks(all: readonly Load[], size: number): Generator<readonly Load[]> {
  for (let from = 0; from < all.length; from += size) yield all.slice(from, from + size);
}

/** `work` by so many callers at once, until there is nothing left. */
async function byCallers(all: readonly Load[], work: (load: Load) => Promise<void>): Promise<void> {
  let next = 0;
  const caller = async () => {
    while (next < all.length) await work(all[next++]!);
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
}

/** A place of its own for one measurement. */
async function somewhere<T>(bench: BrokerBench, work: (place: Place) => Promise<T>): Promise<T> {
  const place = await bench.place();
  try {
    return await work(place);
  } finally {
    await bench.leave?.(place);
  }
}

const rawOneByOne = (bench: BrokerBench, all: readonly Load[]) =>
  somewhere(bench, async ({ topic }) => {
    const sender = await bench.rawSend(topic);
    await sender.one(all[0]!);
    const took = await timed(async () => {
      for (const load of all) await sender.one(load);
    });
    await sender.close();
    return took;
  });

const rawBatches = (bench: BrokerBench, size: number, all: readonly Load[]) =>
  somewhere(bench, async ({ topic }) => {
    const sender = await bench.rawSend(topic);
    await sender.one(all[0]!);
    const took = await timed(async () => {
      for (const some of chunks(all, size)) await sender.batch(some);
    });
    await sender.close();
    return took;
  });

const peerConcurrent = (bench: BrokerBench, peer: Peer, all: readonly Load[]) =>
  somewhere(bench, async ({ topic }) => {
    const sender = await peer.send(topic);
    await sender.one(all[0]!);
    const took = await timed(() => byCallers(all, (load) => sender.one(load)));
    await sender.close();
    return took;
  });

const eventOf = ({ key, data }: Load) => orderPlaced(data, { key });

const withBus = <T>(
  bench: BrokerBench,
  work: (bus: Bus, topic: Orders, place: Place) => Promise<T>,
  wrap: (adapter: Adapter) => Adapter = (adapter) => adapter,
): Promise<T> =>
  somewhere(bench, async (place) => {
    const bus = createBus({ source: "/bench", adapter: wrap(bench.adapter(place)) });
    try {
      return await work(bus, defineTopic(place.topic, [orderPlaced]), place);
    } finally {
      await bus.close();
    }
  });

const batches = (bench: BrokerBench, size: number, all: readonly Load[]) =>
  withBus(bench, async (bus, topic) => {
    await bus.publish(topic, eventOf(all[0]!));
    return timed(async () => {
      for (const some of chunks(all, size)) await bus.publish(topic, some.map(eventOf));
    });
  });

const concurrent = (bench: BrokerBench, all: readonly Load[]) =>
  withBus(bench, async (bus, topic) => {
    await bus.publish(topic, eventOf(all[0]!));
    return timed(() => byCallers(all, (load) => bus.publish(topic, eventOf(load))));
  });

/** What is there already is received and acked. */
const received = (
  bench: BrokerBench,
  size: number,
  all: readonly Load[],
  receive: (place: Place, clock: BenchClock) => Promise<void>,
) =>
  somewhere(bench, async (place) => {
    const sender = await bench.rawSend(place.topic);
    for (const some of chunks(all, size)) await sender.batch(some);
    await sender.close();
    return timed((clock) => receive(place, clock));
  });

const consumption = (bench: BrokerBench, size: number, all: readonly Load[]) => {
  let acked: (() => void) | undefined;
  return withBus(
    bench,
    async (bus, topic, place) => {
      for (const some of chunks(all, size)) await bus.publish(topic, some.map(eventOf));
      return timed(async (clock) => {
        acked = clock.last;
        let left = all.length;
        const end = Promise.withResolvers<void>();
        const subscription = await bus.subscribe(topic, { name: place.subscription, concurrency: 64 }, () => {
          clock.first();
          if (--left === 0) end.resolve();
        });
        await end.promise;
        // The acks are part of the work.
        await subscription.drain({ deadlineMs: 60_000 });
      });
    },
    (adapter) => tellsClosing(adapter, () => acked?.()),
  );
};

/** A subscription closes its receiver when all acks are told. */
function tellsClosing(adapter: Adapter, closing: () => void): Adapter {
  return {
    ...adapter,
    openReceiver: async (source) => {
      const receiver = await adapter.openReceiver(source);
      return {
        ...receiver,
        close: async () => {
          closing();
          await receiver.close();
        },
      };
    },
  };
}
