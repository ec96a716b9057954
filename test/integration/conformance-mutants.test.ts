import { conformanceCases, manualTime, runCase } from "@waybill/conformance";
import type { Adapter, DeadLetterStore, Delivery, Outcome, Receiver, Sender, Source } from "@waybill/core/spi";
import { ManualClock } from "@waybill/core/testing";
import { createMemoryBroker, type Like, type MemoryAdapter, type MemoryBroker, memory } from "@waybill/memory";
import { describe, expect, it } from "vitest";

/** What a broken adapter does differently. */
interface Mutation {
  readonly receiver?: (receiver: Receiver, source: Source) => Partial<Receiver>;
  readonly sender?: (sender: Sender, topic: string) => Partial<Sender>;
  readonly store?: (store: DeadLetterStore) => Partial<DeadLetterStore>;
  readonly adapter?: (adapter: Adapter) => Partial<Adapter>;
}

interface Mutant extends Mutation {
  readonly does: string;
  readonly like: Like;
  /** The cases that must see it. */
  readonly seenBy: readonly string[];
}

/** The same part with some of its methods replaced. Methods of the original keep their own `this`. */
function replaced<T extends object>(part: T, replacement: Partial<T>): T {
  return new Proxy(part, {
    get(target, name) {
      if (Object.hasOwn(replacement, name)) return replacement[name as keyof T];
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
    has: (target, name) => Object.hasOwn(replacement, name) || Reflect.has(target, name),
  });
}

function mutated(adapter: MemoryAdapter, { receiver, sender, store, adapter: whole }: Mutation): Adapter {
  return replaced<Adapter>(adapter, {
    async openReceiver(source) {
      const opened = await adapter.openReceiver(source);
      return receiver === undefined ? opened : replaced(opened, receiver(opened, source));
    },
    async openSender(topic) {
      const opened = await adapter.openSender(topic);
      return sender === undefined ? opened : replaced(opened, sender(opened, topic));
    },
    ...(adapter.openDeadLetters === undefined
      ? {}
      : {
          async openDeadLetters(source) {
            const opened = await adapter.openDeadLetters!(source);
            return store === undefined ? opened : replaced(opened, store(opened));
          },
        }),
    ...whole?.(adapter),
  });
}

const never = new AbortController().signal;
const acked = (deliveries: readonly Delivery[]) => deliveries.map((delivery) => ({ delivery, kind: "ack" }) as const);

/** A receiver that remembers what it has handed over. */
function remembering(receiver: Receiver, handed: Delivery[]): Pick<Receiver, "receive"> {
  return {
    async receive(want, signal) {
      const batch = await receiver.receive(want, signal);
      handed.push(...batch);
      return batch;
    },
  };
}

const MUTANTS: readonly Mutant[] = [
  {
    does: "acks neighbours along",
    like: "service-bus",
    seenBy: [
      "settle/each: an ack of one leaves the others",
      "crash: a consumer that dies in the middle of its handlers loses nothing",
    ],
    receiver(receiver) {
      const handed: Delivery[] = [];
      return {
        ...remembering(receiver, handed),
        async settle(settlements, signal) {
          const outcomes = await receiver.settle(settlements, signal);
          if (settlements.some(({ kind }) => kind === "ack")) await receiver.settle(acked(handed), signal);
          return outcomes;
        },
      };
    },
  },
  {
    does: "gives all of one call the first outcome",
    like: "service-bus",
    seenBy: ["settle/each: different outcomes in one call keep apart"],
    receiver: (receiver) => ({
      settle: (settlements, signal) =>
        receiver.settle(
          settlements.map(({ delivery }) => ({ ...settlements[0]!, delivery })),
          signal,
        ),
    }),
  },
  {
    does: "loses what is released",
    like: "storage-queue",
    seenBy: ["release: a message given back comes again at once", "release: many at once all come again, once each"],
    receiver: (receiver) => ({
      settle: (settlements, signal) => receiver.settle(acked(settlements.map(({ delivery }) => delivery)), signal),
    }),
  },
  {
    does: "releases at once whatever the delay",
    like: "storage-queue",
    seenBy: [
      "release/delay: a message given back stays away for its delay",
      "retry/later: attempts count on after a long wait, and no other subscription sees them",
    ],
    receiver: (receiver) => ({
      settle: (settlements, signal) =>
        receiver.settle(
          settlements.map((one) => (one.kind === "release" ? { ...one, delayMs: 0 } : one)),
          signal,
        ),
    }),
  },
  {
    does: "forgets the attempt on release",
    like: "service-bus",
    seenBy: ["attempt/kept: a release writes the attempt and leaves the event as it was"],
    receiver: (receiver) => ({
      settle: (settlements, signal) =>
        receiver.settle(
          settlements.map((one) => (one.kind === "release" ? { ...one, attempt: undefined } : one)),
          signal,
        ),
    }),
  },
  {
    does: "swaps the order of a batch",
    like: "kafka",
    seenBy: [
      "order/lane: the events of a key arrive in the order they were sent",
      "bus: concurrent publishes of one key arrive in call order",
    ],
    receiver: (receiver) => ({
      receive: async (want, signal) => [...(await receiver.receive(want, signal))].reverse(),
    }),
  },
  {
    does: "ignores paused lanes",
    like: "event-hubs",
    seenBy: ["lanes: a paused lane delivers nothing, the others do, and it goes on in order"],
    receiver: (receiver) => ({
      receive: (want, signal) => receiver.receive({ ...want, pausedLanes: new Set() }, signal),
    }),
  },
  {
    does: "drops what a paused lane holds",
    like: "kafka",
    seenBy: ["lanes: a paused lane delivers nothing, the others do, and it goes on in order"],
    receiver: (receiver) => ({
      receive: async (want, signal) =>
        (await receiver.receive({ ...want, pausedLanes: new Set() }, signal)).filter(
          ({ lane }) => !want.pausedLanes.has(lane!),
        ),
    }),
  },
  {
    does: "sends everything twice",
    like: "event-grid",
    seenBy: [
      "volume: a thousand messages, none lost and none doubled",
      "bus: many events, many subscriptions: each gets each once",
    ],
    sender: (sender) => ({
      async send(messages, signal) {
        await sender.send(messages, signal);
        return sender.send(messages, signal);
      },
    }),
  },
  {
    does: "goes on with a key behind what it refused",
    like: "kafka",
    seenBy: ["stopsKeys: behind a message that is refused, none of its key is sent"],
    sender: (sender) => ({
      async send(messages, signal) {
        const outcomes: Outcome[] = [];
        for (const message of messages) outcomes.push(...(await sender.send([message], signal)));
        return outcomes;
      },
    }),
  },
  {
    does: "acks up to the newest it has handed over",
    like: "kafka",
    seenBy: [
      "settle/upTo: an ack covers all before it in its lane, and nothing after",
      "crash: a consumer that dies in the middle of its handlers loses nothing",
    ],
    receiver(receiver) {
      const handed: Delivery[] = [];
      return {
        ...remembering(receiver, handed),
        settle: (settlements, signal) =>
          receiver.settle(
            settlements.map((one) => ({
              ...one,
              delivery: handed.findLast(({ lane }) => lane === one.delivery.lane)!,
            })),
            signal,
          ),
      };
    },
  },
  {
    does: "loses what arrives while it is aborted",
    like: "kafka",
    seenBy: ["receive: an abort that meets an arrival loses nothing"],
    receiver: (receiver) => ({
      receive: (want, signal) =>
        Promise.race([
          receiver.receive(want, never),
          new Promise<readonly Delivery[]>((resolve) =>
            signal.addEventListener("abort", () => resolve([]), { once: true }),
          ),
        ]),
    }),
  },
  {
    does: "does not hear an abort",
    like: "storage-queue",
    seenBy: ["receive: an idle one ends promptly when its signal aborts"],
    receiver: (receiver) => ({ receive: (want) => receiver.receive(want, never) }),
  },
  {
    does: "acks what is unsettled when it closes",
    like: "service-bus",
    seenBy: ["close: what was not settled comes again"],
    receiver(receiver) {
      const handed: Delivery[] = [];
      return {
        ...remembering(receiver, handed),
        async close() {
          await receiver.settle(acked(handed.splice(0)), never).catch(() => undefined);
          await receiver.close();
        },
      };
    },
  },
  {
    does: "says yes to settlements of what it has lost",
    like: "storage-queue",
    seenBy: [
      "lease: a settlement after its end fails as lost, and the new holder's works",
      "settle: one that fails does not fail its neighbours",
    ],
    receiver: (receiver) => ({
      settle: async (settlements, signal) =>
        (await receiver.settle(settlements, signal)).map(() => ({ ok: true, value: undefined })),
    }),
  },
  {
    does: "only pretends to renew",
    like: "service-bus",
    seenBy: [
      "lease/renewable: a renewal prolongs it",
      "lease: a handler that works longer than a lease keeps its event",
    ],
    receiver: (receiver) => ({
      renew: async (held) =>
        held.map(({ leaseUntil }) => ({ ok: true, value: new Date(leaseUntil!.getTime() + 60_000_000) })),
      capabilities: receiver.capabilities,
    }),
  },
  {
    does: "drops what is rejected",
    like: "service-bus",
    seenBy: [
      "reject/true: the message lies in the dead letters with its reason, and nowhere else",
      "dead letter: after the last attempt it stands there whole, with the reason",
    ],
    receiver: (receiver) => ({
      settle: (settlements, signal) =>
        receiver.settle(
          settlements.map((one) => (one.kind === "reject" ? { kind: "ack", delivery: one.delivery } : one)),
          signal,
        ),
    }),
  },
  {
    does: "takes dead letters away by looking at them",
    like: "service-bus",
    seenBy: ["deadLetters: a look takes nothing away", "dead letter: looking at them twice shows the same"],
    store: (store) => ({
      async browse(max) {
        const taken = await store.receive({ max, maxBytes: 1e9, pausedLanes: new Set() }, never);
        await store.settle(acked(taken), never);
        return taken.map(({ message }) => message);
      },
    }),
  },
  {
    does: "sends retries to the topic",
    like: "service-bus",
    seenBy: [
      "returnTo: what is sent there reaches that subscription alone",
      "retry/later: attempts count on after a long wait, and no other subscription sees them",
    ],
    receiver: (_receiver, { topic }) => ({ returnTo: topic }),
  },
  {
    does: "copies to the first subscription only",
    like: "event-grid",
    seenBy: ["fan-out: every subscription gets every message, and settles it for itself"],
    receiver: (receiver, { subscription }) =>
      subscription === "a"
        ? {}
        : { receive: async (want, signal) => (await receiver.receive(want, signal)).slice(0, 0) },
  },
  {
    does: "measures one byte too little",
    like: "service-bus",
    seenBy: ["limits: the largest message is taken and arrives whole"],
    sender: (sender) => ({ measure: (message) => sender.measure!(message) - 1 }),
  },
  {
    does: "does not know its errors",
    like: "kafka",
    seenBy: ["limits: one byte more is refused as too large", "close: what is used afterwards fails as closed"],
    adapter: () => ({ classify: () => "unknown" }),
  },
  {
    does: "throws in classify",
    like: "kafka",
    seenBy: ["classify: answers a kind for anything at all"],
    adapter: () => ({ classify: (error) => ((error as Error).message === "" ? "unknown" : "transient") }),
  },
  {
    does: "schedules nothing",
    like: "service-bus",
    seenBy: [
      "schedule: a message is not delivered before its time",
      "bus: an event for later is held back, or refused where the broker cannot",
    ],
    sender: (sender) => ({
      send: (messages, signal) =>
        sender.send(
          messages.map((message) => ({ ...message, notBefore: undefined })),
          signal,
        ),
    }),
  },
  {
    does: "drops headers that it does not know",
    like: "kafka",
    seenBy: ["headers/true: names and values of any kind arrive as they are"],
    sender: (sender) => ({
      send: (messages, signal) =>
        sender.send(
          messages.map((message) => {
            const known = Object.entries(message.headers).filter(([name]) => name.startsWith("ce_"));
            return { ...message, headers: Object.fromEntries(known) };
          }),
          signal,
        ),
    }),
  },
  {
    does: "takes every body for text",
    like: "event-hubs",
    seenBy: [
      "body: bytes of any value arrive as they are",
      "dead letter: bytes that are no event are kept as `undecodable`",
    ],
    sender: (sender) => ({
      send: (messages, signal) =>
        sender.send(
          messages.map((message) => ({
            ...message,
            body: message.body && Buffer.from(Buffer.from(message.body).toString()),
          })),
          signal,
        ),
    }),
  },
  {
    does: "always begins with the earliest",
    like: "kafka",
    seenBy: ["startFrom/latest: a new subscription gets what is sent after it was opened"],
    adapter: (adapter) => ({ openReceiver: (source) => adapter.openReceiver({ ...source, startFrom: "earliest" }) }),
  },
  {
    does: "hands over more than asked",
    like: "kafka",
    seenBy: ["receive: never more than asked, nor than declared"],
    receiver: (receiver) => ({ receive: (want, signal) => receiver.receive({ ...want, max: 100 }, signal) }),
  },
  {
    does: "answers nothing every other time",
    like: "storage-queue",
    seenBy: ["receive: does not wait while something is there"],
    receiver(receiver) {
      let calls = 0;
      return { receive: (want, signal) => (++calls % 2 === 0 ? Promise.resolve([]) : receiver.receive(want, signal)) };
    },
  },
];

function run(name: string, like: Like, mutation: Mutation) {
  const found = conformanceCases.find((one) => one.name === name);
  if (found === undefined) throw new Error(`There is no case ${name}.`);
  return runCase(found, {
    harness: () => {
      const clock = new ManualClock();
      const broker: MemoryBroker = createMemoryBroker({ clock });
      return { broker, time: manualTime(clock), crash: async (adapter) => (adapter as MemoryAdapter).crash() };
    },
    open: ({ harness: { broker }, subscriptions }) => mutated(memory({ like, broker, subscriptions }), mutation),
  });
}

describe("the suite sees an adapter that", () => {
  for (const { does, like, seenBy, ...mutation } of MUTANTS) {
    it(`${does} (${like})`, async () => {
      for (const name of seenBy) {
        expect((await run(name, like, mutation)).result, name).toMatchObject({ status: "failed" });
      }
    });
  }
});

describe("the same adapters, unbroken, pass", () => {
  const sound = new Set(MUTANTS.flatMap(({ like, seenBy }) => seenBy.map((name) => JSON.stringify([name, like]))));
  for (const pair of sound) {
    const [name, like] = JSON.parse(pair) as [string, Like];
    it.skipIf(name.startsWith("classify: answers"))(`${name} (${like})`, async () => {
      expect((await run(name, like, {})).result).toEqual({ status: "passed" });
    });
  }
});
