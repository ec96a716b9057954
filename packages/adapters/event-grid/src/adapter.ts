import { type Adapter, createCall, type Description, ownTopic, type Source, type Topology } from "@waybill/core/spi";
import { checkAccess } from "./access.ts";
import { pullCapabilities, senderCapabilities } from "./capabilities.ts";
import { classify, failedCall } from "./classify.ts";
import { eventGridErrors } from "./errors.ts";
import { createNames } from "./names.ts";
import { checkOptions, type EventGridOptions } from "./options.ts";
import { createOutlets, type Outlet } from "./outlets.ts";
import { createPullSource, type PullSource } from "./pull-source.ts";
import { createReceiver } from "./receiver.ts";
import { createRestClient } from "./rest-client.ts";
import { createSender } from "./sender.ts";
import { createTopology } from "./topology.ts";

export interface EventGridAdapter extends Adapter {
  readonly name: "event-grid";
}

/** Azure Event Grid: at least once, in no order; the service copies to every event subscription. Checks its options and does no I/O. */
export function eventGrid(options: EventGridOptions): EventGridAdapter {
  const settings = checkOptions(options);
  const { kind } = settings;
  const names = createNames(settings);
  const client = kind === "namespace" ? createRestClient(checkAccess("endpoint", options), options) : undefined;
  const outletOf = createOutlets({ options, settings, names, client });
  const closing = new AbortController();
  const { signal: closed } = closing;
  const call = createCall(settings.requestTimeoutMs, closed);
  const outlets = new Map<string, Outlet>();
  const sources = new Map<string, PullSource>();
  const open = new Set<{ close(): Promise<void> }>();

  const track = <T extends { close(): Promise<void> }>(part: T): T => {
    open.add(part);
    return part;
  };
  /** Ends calls of one part when it is closed, or the adapter is. */
  const lifeOf = (what: string) => {
    const life = new AbortController();
    const closePart = () => life.abort(closed.aborted ? closed.reason : eventGridErrors.WB_EVENT_GRID_CLOSED({ what }));
    closed.addEventListener("abort", closePart, { once: true });
    const close = () => {
      closed.removeEventListener("abort", closePart);
      closePart();
    };
    return { signal: life.signal, close };
  };

  const sourceOf = (topic: string, subscription: string, life: AbortSignal = closed): PullSource => {
    if (client === undefined) {
      const what = "pull delivery";
      const advice =
        "mount a webhook, or let Event Grid deliver to a queue or hub and read that with its own adapter; custom topics and domains only push";
      throw eventGridErrors.WB_EVENT_GRID_UNDECLARED({ topic, what, advice });
    }
    return createPullSource({
      client,
      topic: names.topic(topic),
      subscription: names.subscription(topic, subscription),
      maxWaitMs: settings.maxWaitMs,
      call: createCall(settings.requestTimeoutMs, life),
      patientCall: createCall(settings.maxWaitMs + settings.requestTimeoutMs, life),
    });
  };
  const missing = (source: PullSource) =>
    failedCall("Looking for", source.place, Object.assign(new Error("it does not exist"), { statusCode: 404 }));

  /** What reaches a subscription alone, also seen from its dead letters; undefined where nobody has made it. */
  const returnTo = async (topic: string, subscription: string, signal?: AbortSignal): Promise<string | undefined> => {
    const own = ownTopic(topic.split("/")[0]!, subscription);
    return topic !== own && (await sourceOf(own, subscription).exists(signal)) ? own : undefined;
  };

  const receiverCapabilities = (topic: string, subscription: string) =>
    pullCapabilities(settings.lockMs, settings.deadLettered.has(ownTopic(topic, subscription)));

  return {
    name: "event-grid",
    async openSender(topic) {
      closed.throwIfAborted();
      const outlet = outletOf(topic);
      const [, subscription] = topic.split("/");
      if (client !== undefined && subscription !== undefined) {
        // The service takes events that no event subscription wants, and drops them: a dead letter must not go that way.
        const source = sourceOf(topic, subscription);
        if (!(await source.exists(undefined))) throw missing(source);
      }
      outlets.set(topic, outlet);
      const life = lifeOf("sender");
      const sender = createSender({
        ...outlet,
        capabilities: senderCapabilities(kind),
        call: createCall(settings.requestTimeoutMs, life.signal),
        closed: life.signal,
        close() {
          open.delete(sender);
          life.close();
        },
      });
      return track(sender);
    },
    /** `startFrom` changes nothing: an event subscription holds what was published since it exists. */
    async openReceiver({ topic, subscription }: Source) {
      closed.throwIfAborted();
      const life = lifeOf("receiver");
      const source = sourceOf(topic, subscription, life.signal);
      const [exists, own] = await Promise.all([source.exists(undefined), returnTo(topic, subscription)]);
      if (!exists) throw missing(source);
      const reads = own !== undefined && !topic.includes("/");
      const all = reads ? [source, sourceOf(own, subscription, life.signal)] : [source];
      sources.set(source.place, source);
      const receiver = createReceiver({
        sources: all,
        returnTo: own,
        capabilities: receiverCapabilities(topic, subscription),
        lockMs: settings.lockMs,
        closed: life.signal,
        close() {
          open.delete(receiver);
          sources.delete(source.place);
          life.close();
        },
      });
      return track(receiver);
    },
    async describe({ topic, subscription }, signal): Promise<Description> {
      closed.throwIfAborted();
      outletOf(topic);
      const source = sourceOf(topic, subscription);
      const [exists, own] = await Promise.all([source.exists(signal), returnTo(topic, subscription, signal)]);
      if (!exists) throw missing(source);
      const sender = senderCapabilities(kind);
      return {
        sender,
        receiver: receiverCapabilities(topic, subscription),
        returnSender: own === undefined ? undefined : sender,
      };
    },
    classify,
    async health(signal) {
      try {
        closed.throwIfAborted();
        await ask(signal);
        return { ok: true };
      } catch (error) {
        return { ok: false, error };
      }
    },
    ...(client === undefined ? {} : { topology: topologyOf() }),
    async close() {
      const parts = [...open];
      closing.abort(eventGridErrors.WB_EVENT_GRID_CLOSED({ what: "adapter" }));
      await Promise.all(parts.map((part) => part.close()));
    },
  };

  function topologyOf(): Topology {
    return createTopology({
      names,
      settings,
      source: (topic, name) => sourceOf(topic, name),
      management: options.management,
    });
  }

  /** The data plane has no ping. What is in use is asked by calls that change nothing: a renewal of nobody's lock, a publish of no events. */
  async function ask(signal: AbortSignal): Promise<void> {
    const declared = [...settings.subscriptions].flatMap(([topic, list]) => list.map((name) => [topic, name] as const));
    const [first] =
      client === undefined ? [] : [...sources.values(), ...declared.map(([topic, name]) => sourceOf(topic, name))];
    if (first !== undefined) {
      if (!(await first.exists(signal))) throw missing(first);
    } else if (outlets.size > 0 || client === undefined) {
      const asked = outlets.size > 0 ? [...outlets.values()] : Object.keys(options.topics ?? {}).map(outletOf);
      await Promise.all(asked.map((outlet) => publishNothing(outlet, signal)));
    } else {
      await call(signal, (abortSignal) => client({ path: "/" }, abortSignal)).catch(unlessAnswered);
    }
  }

  async function publishNothing({ place, publish }: Outlet, signal: AbortSignal): Promise<void> {
    try {
      await call(signal, (abortSignal) => publish([], abortSignal));
    } catch (error) {
      if (classify(error) !== "invalid") throw failedCall("Asking", place, error);
    }
  }

  function unlessAnswered(error: unknown): void {
    if (typeof (error as { statusCode?: unknown })?.statusCode !== "number")
      throw failedCall("Asking", "endpoint", error);
  }
}
