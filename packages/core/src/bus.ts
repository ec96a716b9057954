import { type ClaimCheckOptions, openClaimCheck } from "./claim-check/claim-check.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Serializer } from "./codec/codec.ts";
import { createCodec } from "./codec/create-codec.ts";
import type { Publish } from "./consume/context.ts";
import type { ConsumeMiddleware, EventFor, Handler } from "./consume/handler.ts";
import type { Inbox } from "./consume/inbox.ts";
import { Pipeline } from "./consume/pipeline.ts";
import { type ProcessResult, processOnce } from "./consume/process-once.ts";
import { type ResolvedOptions, resolveOptions } from "./consume/resolve-options.ts";
import { checkReturns, sumOf, withReturns } from "./consume/returns.ts";
import type { SubscribeOptions } from "./consume/subscribe-options.ts";
import { type DrainOptions, RunningSubscription, type Subscription } from "./consume/subscription.ts";
import { unlooped } from "./consume/unlooped.ts";
import { type DeadLetters, openDeadLetters } from "./dead-letters/dead-letters.ts";
import { coreErrors } from "./errors/core-errors.ts";
import { noUnknown } from "./errors/no-unknown.ts";
import { checkEvents } from "./events/check-events.ts";
import type { RawCloudEvent } from "./events/cloud-event.ts";
import type { NewEvent } from "./events/define-event.ts";
import type { NewEventOf, TopicDefinition } from "./events/define-topic.ts";
import { combineObservers, type Observer } from "./observe/observer.ts";
import { BusPublisher, type PublishMiddleware } from "./publish/bus-publisher.ts";
import type { WriterOptions } from "./publish/message-writer.ts";
import type { Publisher, PublishOptions } from "./publish/publisher.ts";
import { Routes } from "./publish/routes.ts";
import type { Adapter, Backlog, Health, Receiver, Source } from "./spi/adapter.ts";
import { deadTopic, ownTopic } from "./spi/destinations.ts";
import { checkLogicalName } from "./spi/naming.ts";
import type { Outcome } from "./spi/outcome.ts";
import type { WireMessage } from "./spi/wire-message.ts";

export interface BusOptions {
  /** The `source` of events that name none: a URI reference such as `/shop`. */
  readonly source: string;
  /** The one broker. Or several, by name: see `adapters` and `topics`. */
  readonly adapter?: Adapter;
  readonly adapters?: Readonly<Record<string, Adapter>>;
  /**
   * Topic, or a pattern ending in `*`, to adapter name. Not needed with one adapter. `topic/subscription` names the adapter that keeps what returns to that
   * subscription alone: later retries and redrives. Default: the topic's own, where it can.
   */
  readonly topics?: Readonly<Record<string, string>>;
  readonly publish?: WriterOptions;
  /** Data of events above the broker's limit goes to a store and comes back on receipt. Default: such events are refused. */
  readonly claimCheck?: ClaimCheckOptions;
  /** Around every publish; the first is outermost. */
  readonly publishMiddleware?: readonly PublishMiddleware[];
  /** Around every handler, outside the subscription's own; the first is outermost. */
  readonly consumeMiddleware?: readonly ConsumeMiddleware[];
  /** Data of content types other than JSON, text and bytes. */
  readonly serializers?: readonly Serializer[];
  /** Logs, metrics, tests: told of everything that happens. */
  readonly observers?: readonly Observer[];
  /** For tests: time and jitter. */
  readonly clock?: Clock;
  readonly random?: () => number;
}

/** Publishes and subscribes, whichever broker carries the events. */
export interface Bus extends Publisher, AsyncDisposable {
  readonly source: string;
  /**
   * Publishes one event or many, and resolves when the broker has all of them. Concurrent calls share broker batches; events of one key reach the broker in call order.
   * Rejects with WB_EVENT_INVALID before anything is sent, or with the event's own error (one event), or with WB_PUBLISH_FAILED whose `outcomes` answer for each (many).
   */
  publish<Topic extends TopicDefinition>(
    topic: Topic,
    event: NewEventOf<Topic> | readonly NewEventOf<Topic>[],
    options?: PublishOptions,
  ): Promise<void>;
  publishRaw(topic: string, event: RawCloudEvent, options?: PublishOptions): Promise<Outcome>;
  publishRaw(topic: string, events: readonly RawCloudEvent[], options?: PublishOptions): Promise<readonly Outcome[]>;
  /** Handles the events of a topic. By name instead of by definition, every event is handed on unparsed. Rejects when the broker refuses or cannot do what the options require. */
  subscribe<Topic extends TopicDefinition | string, Tx = undefined>(
    topic: Topic,
    options: SubscribeOptions<Tx>,
    handler: Handler<EventFor<Topic>, Tx>,
  ): Promise<Subscription>;
  /** Runs one message through the subscriptions of this bus on that topic (or the one named), once: for webhooks, functions and tests. The caller settles by the answer. */
  process(
    topic: TopicDefinition | string,
    message: WireMessage,
    options?: { subscription?: string },
  ): Promise<ProcessResult>;
  /** What a subscription gave up. Opens nothing until it is used. */
  deadLetters(topic: TopicDefinition | string, subscription: string): DeadLetters;
  backlog(topic: TopicDefinition | string, subscription: string): Promise<Backlog | undefined>;
  /** Ok when every adapter and every subscription is. Never rejects. */
  health(signal?: AbortSignal): Promise<Health>;
  /** Drains every subscription, and waits for what is being published. */
  drain(options?: DrainOptions): Promise<{ readonly abandoned: number }>;
  /** Frees everything; running handlers are told at once. Idempotent. */
  close(): Promise<void>;
}

interface Registered {
  readonly topic: string;
  readonly name: string;
  readonly pipeline: Pipeline;
  readonly options: ResolvedOptions;
  readonly subscription: Subscription;
}

const KNOWN: readonly (keyof BusOptions)[] = [
  "source",
  "adapter",
  "adapters",
  "topics",
  "publish",
  "claimCheck",
  "publishMiddleware",
  "consumeMiddleware",
  "serializers",
  "observers",
  "clock",
  "random",
];

/** Makes a bus. Does no I/O: adapters connect when they are first used. */
export function createBus(options: BusOptions): Bus {
  noUnknown("bus option", options ?? {}, KNOWN);
  const { source, clock = systemClock, random = Math.random } = options ?? {};
  if (typeof source !== "string" || source === "") {
    throw coreErrors.WB_OPTION_INVALID({
      option: "source",
      problem: "must be a non-empty URI reference such as /shop",
    });
  }
  const adapters = options.adapters ?? (options.adapter === undefined ? {} : { main: options.adapter });
  if (Object.keys(adapters).length === 0 || (options.adapter !== undefined && options.adapters !== undefined)) {
    throw coreErrors.WB_OPTION_INVALID({
      option: "adapter",
      problem: "must be given, or `adapters` with at least one, not both",
    });
  }
  const routes = new Routes(adapters, options.topics ?? {});
  const observer = combineObservers(options.observers ?? []);
  const codec = createCodec({ serializers: options.serializers ?? [] });
  const claims = options.claimCheck === undefined ? undefined : openClaimCheck(options.claimCheck, codec, clock);
  const publisher = new BusPublisher({
    source,
    routes,
    codec,
    clock,
    observer,
    writer: options.publish ?? {},
    claims,
    middleware: options.publishMiddleware ?? [],
  });
  const registered = new Map<string, Registered>();
  let closing: Promise<void> | undefined;

  const publish: Publish = (topic, event, given) => {
    const events = (Array.isArray(event) ? event : [event]) as readonly NewEvent[];
    try {
      checkEvents(topic, events);
    } catch (error) {
      return Promise.reject(error);
    }
    return publisher.publish(topic.name, events, given);
  };
  const nameOf = (topic: TopicDefinition | string) => (typeof topic === "string" ? topic : topic.name);

  async function subscribe(
    topic: TopicDefinition | string,
    given: SubscribeOptions<unknown>,
    // biome-ignore lint/suspicious/noExplicitAny: the interface above types it
    handler: Handler<any, any>,
  ): Promise<Subscription> {
    if (closing !== undefined) throw coreErrors.WB_CLOSED({ what: "bus" });
    const name = nameOf(topic);
    checkLogicalName("topic", name);
    const resolved = resolveOptions(given);
    if (typeof handler !== "function") {
      throw coreErrors.WB_OPTION_INVALID({ option: "handler", problem: "must be a function" });
    }
    const place = `${name}/${given.name}`;
    if (registered.has(place)) throw coreErrors.WB_SUBSCRIPTION_EXISTS({ topic: name, subscription: given.name });
    const scope = { topic: name, subscription: given.name, publish };
    const pipeline = new Pipeline({
      codec,
      clock,
      claims,
      topic: name,
      subscription: given.name,
      definition: typeof topic === "string" ? undefined : topic,
      unknown: given.unknown ?? "ignore",
      inbox: given.inbox as Inbox<unknown> | undefined,
      middleware: [...(options.consumeMiddleware ?? []), ...(given.middleware ?? [])],
      handler,
    });
    const entry = { topic: name, name: given.name, pipeline, options: resolved };
    const closed = () => registered.delete(place);
    if (given.loop === false) {
      const subscription = unlooped(scope, given, closed);
      registered.set(place, { ...entry, subscription });
      return subscription;
    }
    const adapter = routes.adapterOf(name);
    const keeper = routes.returnsOf(name, given.name);
    // The place is taken before the first wait, so that two calls at once cannot both have it.
    registered.set(place, { ...entry, subscription: unlooped(scope, given, closed) });
    const open: Receiver[] = [];
    try {
      const source = { topic: name, subscription: given.name, startFrom: given.startFrom ?? "earliest" };
      const opened = async (from: Adapter, what: Source) => {
        const receiver = await from.openReceiver(what);
        open.push(receiver);
        return receiver;
      };
      const receiver = await opened(adapter, source);
      const returns =
        keeper === undefined
          ? undefined
          : { adapter: keeper, receiver: await opened(keeper, { ...source, startFrom: "earliest" }) };
      if (closing !== undefined) throw coreErrors.WB_CLOSED({ what: "bus" });
      const returnTo = returns === undefined ? receiver.returnTo : ownTopic(name, given.name);
      if (returns !== undefined) {
        checkReturns(scope, {
          adapter: returns.adapter.name,
          reaches: returns.receiver.returnTo === returnTo,
          reject: receiver.capabilities.reject,
          deadLetterTo: given.deadLetterTo,
        });
      }
      const parts = {
        adapter,
        receiver,
        pipeline,
        codec,
        claims,
        clock,
        random,
        observer,
        scope,
        given,
        options: resolved,
        writer: (destination: string) => publisher.writer(destination),
        returnTo,
        returnWriter: returnTo === undefined ? undefined : await publisher.writer(returnTo),
        slots: { free: resolved.concurrency },
        closed,
      };
      const subscription = returns === undefined ? new RunningSubscription(parts) : withReturns(parts, returns);
      registered.set(place, { ...entry, subscription });
      return subscription;
    } catch (error) {
      await Promise.all(open.map((receiver) => receiver.close()));
      closed();
      throw error;
    }
  }

  async function drain(given?: DrainOptions): Promise<{ abandoned: number }> {
    const drained = await Promise.all([...registered.values()].map(({ subscription }) => subscription.drain(given)));
    await publisher.flush();
    return { abandoned: drained.reduce((sum, { abandoned }) => sum + abandoned, 0) };
  }

  async function close(): Promise<void> {
    await Promise.allSettled([...registered.values()].map(({ subscription }) => subscription.close()));
    await publisher.close();
    await Promise.allSettled([...routes.all().map((adapter) => adapter.close()), claims?.close()]);
  }

  return {
    source,
    publish,
    publishRaw: (async (topic: string, given: RawCloudEvent | readonly RawCloudEvent[], rest?: PublishOptions) => {
      if (Array.isArray(given)) return publisher.publishRaw(topic, given, rest);
      const [outcome] = await publisher.publishRaw(topic, [given as RawCloudEvent], rest);
      return outcome!;
    }) as Bus["publishRaw"],
    stopsKeys: (topic) => publisher.stopsKeys(topic),
    subscribe: subscribe as Bus["subscribe"],
    process: (topic, message, given = {}) => {
      const name = nameOf(topic);
      const matching = [...registered.values()].filter(
        (one) => one.topic === name && (given.subscription === undefined || one.name === given.subscription),
      );
      if (matching.length === 0) {
        return Promise.reject(
          coreErrors.WB_SUBSCRIPTION_MISSING({ topic: name, subscription: given.subscription ?? "" }),
        );
      }
      return processOnce(message, matching, { publish, clock, random, observer });
    },
    deadLetters: (topic, subscription) => {
      const name = nameOf(topic);
      checkLogicalName("topic", name);
      checkLogicalName("subscription", subscription);
      const adapter = routes.adapterOf(name);
      return openDeadLetters({
        codec,
        clock,
        classify: (error) => adapter.classify(error),
        open: () =>
          adapter.openDeadLetters?.({ topic: name, subscription }) ??
          adapter.openReceiver({ topic: deadTopic(name, subscription), subscription, startFrom: "earliest" }),
        // Read as a topic, its own `returnTo` is what reaches this reader, not the subscription.
        returnTo: (store) => {
          const own = ownTopic(name, subscription);
          if (routes.returnsOf(name, subscription) !== undefined) return own;
          return adapter.openDeadLetters !== undefined || store.returnTo === undefined ? store.returnTo : own;
        },
        putBack: () => publisher.writer(deadTopic(name, subscription)),
        target: (to) => {
          if (to === undefined)
            throw coreErrors.WB_REDRIVE_UNSUPPORTED({ topic: name, subscription, adapter: adapter.name });
          return publisher.writer(to);
        },
      });
    },
    backlog: async (topic, subscription) => {
      const name = nameOf(topic);
      const keepers = [routes.adapterOf(name), routes.returnsOf(name, subscription)];
      return sumOf(await Promise.all(keepers.map((adapter) => adapter?.backlog?.({ topic: name, subscription }))));
    },
    health: async (signal = AbortSignal.timeout(5_000)) => {
      for (const { subscription } of registered.values()) if (!subscription.health.ok) return subscription.health;
      const all = await Promise.all(routes.all().map((adapter) => adapter.health(signal)));
      return all.find((one) => !one.ok) ?? { ok: true };
    },
    drain,
    close: () => {
      closing ??= close();
      return closing;
    },
    [Symbol.asyncDispose]: async () => {
      await drain();
      closing ??= close();
      await closing;
    },
  };
}
