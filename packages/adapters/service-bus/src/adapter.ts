import type { ServiceBusClient } from "@azure/service-bus";
import {
  type Adapter,
  createCall,
  type DeadLetterStore,
  type Receiver,
  type Sender,
  type SenderCapabilities,
} from "@waybill/core/spi";
import { createAdmin } from "./admin.ts";
import { receiverCapabilities, STANDARD_BYTES, senderCapabilities } from "./capabilities.ts";
import { classify, failedCall } from "./classify.ts";
import { createConnector } from "./connect.ts";
import { openDeadLetters } from "./dead-letters.ts";
import { discardClient } from "./discard.ts";
import { createEntityNames } from "./entity-names.ts";
import { serviceBusErrors } from "./errors.ts";
import { fromServiceBus } from "./mapping.ts";
import { checkOptions, type ServiceBusOptions } from "./options.ts";
import { createSdkReceiver } from "./receive-options.ts";
import { openReceiver } from "./receiver.ts";
import { openSender } from "./sender.ts";
import { createTopology } from "./topology.ts";

export interface ServiceBusAdapter extends Adapter {
  readonly name: "service-bus";
}

/** Asked for by `health` where nothing is declared; that it is not there is an answer too. */
const NOBODY = "waybill-health";

/**
 * Azure Service Bus: topics whose subscriptions forward to queues of their own, or plain queues; at least once, in order per key with sessions. Checks its options and
 * does no I/O. Every sender and receiver has a connection of its own.
 */
export function serviceBus(options: ServiceBusOptions): ServiceBusAdapter {
  const settings = checkOptions(options);
  const names = createEntityNames(settings);
  const connector = createConnector(options, settings.requestTimeoutMs);
  const closing = new AbortController();
  const call = createCall(settings.requestTimeoutMs, closing.signal);
  const admin = createAdmin(connector, call);
  const open = new Set<{ close(): Promise<void> }>();
  const leaving = new Set<Promise<unknown>>();

  const track = <T extends { close(): Promise<void> }>(part: T): T => {
    const { close } = part;
    const tracked: T = {
      ...part,
      close: async () => {
        open.delete(tracked);
        await close();
      },
    };
    open.add(tracked);
    // The adapter was closed while this was opening.
    if (closing.signal.aborted) void tracked.close();
    return tracked;
  };
  const discard = (client: ServiceBusClient) => {
    const bye = discardClient(client).finally(() => leaving.delete(bye));
    leaving.add(bye);
    return bye;
  };
  const connect = () => connector.connect();
  const shared = { settings, connect, discard };

  const peek = async (signal: AbortSignal, place: Parameters<typeof createSdkReceiver>[1]) => {
    const client = connect();
    try {
      return await call(signal, (abortSignal) => createSdkReceiver(client, place).peekMessages(1, { abortSignal }));
    } finally {
      discard(client);
    }
  };

  const dedupes = (topic: string) => {
    const [name = "", subscription] = topic.split("/");
    return settings.duplicateDetectionMs > 0 && (subscription === undefined || settings.queues.has(name));
  };
  const senderTo = async (topic: string): Promise<Sender> => {
    closing.signal.throwIfAborted();
    const entity = names.target(topic);
    return track(await openSender({ ...shared, entity, isOwn: topic.includes("/"), dedupe: dedupes(topic) }));
  };
  /** Only an entity's own link says how large a message may be; a sender takes nothing from anybody. Undefined while nobody answers. */
  const ask = async (topic: string, signal: AbortSignal): Promise<SenderCapabilities | undefined> => {
    try {
      const sender = await call(signal, () => senderTo(topic));
      await sender.close();
      return sender.capabilities;
    } catch (error) {
      if (classify(error) !== "transient") throw error;
      return undefined;
    }
  };

  return {
    name: "service-bus",
    openSender: senderTo,
    /** `startFrom` changes nothing: a subscription holds what was sent since it exists. */
    async openReceiver({ topic, subscription }): Promise<Receiver> {
      closing.signal.throwIfAborted();
      const place = names.read(topic, subscription);
      return track(await openReceiver({ ...shared, place, returnTo: place.returnTo, toMessage: fromServiceBus }));
    },
    async openDeadLetters({ topic, subscription }): Promise<DeadLetterStore> {
      closing.signal.throwIfAborted();
      const { returnTo, ...read } = names.read(topic, subscription);
      const place = { ...read, label: `dead letters of ${read.label}`, dead: true };
      return track(await openDeadLetters({ ...shared, place, returnTo, topic, subscription }));
    },
    async backlog({ topic, subscription }) {
      closing.signal.throwIfAborted();
      const place = names.read(topic, subscription);
      try {
        const counted = await admin.count(place);
        const [oldest] = counted === undefined || counted > 0 ? await peek(closing.signal, place) : [];
        const since = oldest?.enqueuedTimeUtc?.getTime();
        return {
          events: counted ?? (oldest === undefined ? 0 : 1),
          oldestMs: since === undefined ? undefined : Math.max(0, Date.now() - since),
        };
      } catch (error) {
        throw failedCall("Counting in", place.label, error);
      }
    },
    async describe({ topic, subscription }, signal) {
      const { returnTo } = names.read(topic, subscription);
      const receiver = receiverCapabilities(settings.lockMs, { laned: settings.sessions !== "none", dead: false });
      const standard = (to: string) => senderCapabilities(STANDARD_BYTES, settings, dedupes(to));
      const sender = await ask(topic, signal);
      // Who has not answered once is not asked again.
      if (sender === undefined) {
        const returnSender = returnTo === undefined ? undefined : standard(returnTo);
        return {
          sender: standard(topic),
          receiver,
          returnSender,
          assumed: "the limits are those of the Standard tier",
        };
      }
      const returnSender = returnTo === undefined ? undefined : ((await ask(returnTo, signal)) ?? standard(returnTo));
      return { sender, receiver, returnSender };
    },
    topology: createTopology(admin, names, settings),
    classify,
    async health(signal) {
      const declared = [...settings.subscriptions].find(([, list]) => list.length > 0);
      try {
        closing.signal.throwIfAborted();
        const place =
          declared === undefined
            ? { entity: names.topic(NOBODY), label: "the namespace" }
            : names.read(declared[0], declared[1][0]!);
        await peek(signal, place);
        return { ok: true };
      } catch (error) {
        const kind = classify(error);
        if (kind === "not-found" && declared === undefined) return { ok: true };
        return { ok: false, error: kind === "closed" ? error : failedCall("Asking", "the namespace", error) };
      }
    },
    async close() {
      closing.abort(serviceBusErrors.WB_SERVICE_BUS_CLOSED({ what: "adapter" }));
      await Promise.all([...open].map((part) => part.close()));
      await Promise.all(leaving);
    },
  };
}
