import { type Adapter, createCall, Handoff, ownTopic, type Source, type Topology } from "@waybill/core/spi";
import { hubInfo } from "./admin.ts";
import { hubBacklog } from "./backlog.ts";
import { receiverCapabilities, STANDARD_BYTES, senderCapabilities } from "./capabilities.ts";
import { openCheckpoints } from "./checkpoints.ts";
import { classify, failedCall } from "./classify.ts";
import { connect } from "./connect.ts";
import { createContainer } from "./container.ts";
import { eventHubsErrors } from "./errors.ts";
import { type HubReader, openHubReader } from "./hub-reader.ts";
import { createHubNames } from "./names.ts";
import { checkOptions, type EventHubsOptions } from "./options.ts";
import { createPartitionCounts } from "./partition-counts.ts";
import type { Tenure } from "./partitions.ts";
import { createProducers } from "./producers.ts";
import { createReceiver } from "./receiver.ts";
import { createSender } from "./sender.ts";
import { createTopology } from "./topology.ts";

export interface EventHubsAdapter extends Adapter {
  readonly name: "event-hubs";
  readonly topology: Topology;
}

/** Of a hub that nobody has: its absence, told by the namespace, shows that the namespace answers and lets us in. */
const HEALTH_HUB = "waybill-health";

/**
 * Azure Event Hubs: a topic is a hub, a subscription a consumer group with its positions in a checkpoint store; at least once, in order per partition.
 * Checks its options and does no I/O.
 */
export function eventHubs(options: EventHubsOptions): EventHubsAdapter {
  const settings = checkOptions(options);
  const names = createHubNames(settings);
  const clients = connect(options, settings.requestTimeoutMs);
  const checkpoints = openCheckpoints(options.checkpoints);
  const closing = new AbortController();
  const call = createCall(settings.requestTimeoutMs, closing.signal);
  const ensureContainer = createContainer(checkpoints?.container, settings.createContainer, call);
  const open = new Set<{ close(): Promise<void> }>();
  const producers = createProducers(clients.producer);

  const checkOpen = () => closing.signal.throwIfAborted();
  const infoOf = (hub: string) => {
    const client = producers.get(hub);
    return hubInfo(client, producers.watch(client, call));
  };
  const partitionCountOf = createPartitionCounts(infoOf);

  const checkDeclared = ({ topic, subscription }: Omit<Source, "startFrom">) => {
    const declared = settings.subscriptions.get(topic);
    if (declared === undefined || declared.includes(subscription)) return;
    throw eventHubsErrors.WB_EVENT_HUBS_SUBSCRIPTION({
      topic,
      subscription,
      declared: declared.join(", ") || "none",
    });
  };
  const checkpointsOrThrow = () => {
    if (checkpoints === undefined)
      throw eventHubsErrors.WB_EVENT_HUBS_CHECKPOINTS({ problem: "the option checkpoints was not given" });
    return checkpoints;
  };

  /** What a source reads: its topic's hub, and its own retry hub where there are such. */
  const hubsOf = ({ topic, subscription }: Omit<Source, "startFrom">) => {
    const main = { hub: names.hub(topic), group: names.group({ topic, subscription }), isRetry: false };
    if (!settings.retryHubs || topic.includes("/")) return [main];
    const own = ownTopic(topic, subscription);
    return [main, { hub: names.hub(own), group: names.group({ topic: own, subscription }), isRetry: true }];
  };
  /** `topic/subscription/dead` is read for that subscription: what is redriven from there goes to its retry hub as well. */
  const returnTo = ({ topic, subscription }: Omit<Source, "startFrom">) =>
    settings.retryHubs ? ownTopic(topic.split("/", 1)[0] ?? topic, subscription) : undefined;

  /** Opens a link to send on, which tells that the hub is there, that we may, and how much it takes. */
  const maxMessageBytes = async (hub: string, signal?: AbortSignal): Promise<number> => {
    try {
      const client = producers.get(hub);
      const watched = producers.watch(client, call);
      const batch = await watched(signal, (abortSignal) => client.createBatch({ abortSignal }));
      return batch.maxSizeInBytes;
    } catch (error) {
      throw failedCall("Opening a sender on", `hub ${hub}`, error);
    }
  };

  return {
    name: "event-hubs",
    async openSender(topic) {
      checkOpen();
      const hub = names.hub(topic);
      const [maxBytes, partitionCount] = await Promise.all([
        maxMessageBytes(hub),
        settings.partitioner === "client" ? partitionCountOf(hub) : undefined,
      ]);
      const closed = new AbortController();
      const part = {
        close: async () => {
          open.delete(part);
          closed.abort(eventHubsErrors.WB_EVENT_HUBS_CLOSED({ what: "sender" }));
        },
      };
      open.add(part);
      return createSender({
        hub,
        producers,
        maxMessageBytes: maxBytes,
        partitionCount,
        prefix: settings.attributePrefix,
        call: createCall(settings.requestTimeoutMs, closed.signal),
        checkOpen: () => closed.signal.throwIfAborted(),
        close: part.close,
      });
    },
    async openReceiver(source) {
      checkOpen();
      checkDeclared(source);
      const hubs = hubsOf(source);
      const kept = checkpointsOrThrow();
      await ensureContainer();
      const handoff = new Handoff();
      const readers: HubReader[] = [];
      const results = await Promise.allSettled(
        hubs.map(async ({ hub, group, isRetry }) => {
          const startFrom = isRetry ? "earliest" : source.startFrom;
          const laneOf = (partition: string) => (isRetry ? `retry/${partition}` : partition);
          const shared = { connect: clients, checkpoints: kept, settings, call, handoff };
          readers.push(await openHubReader({ hub, group, startFrom, laneOf, ...shared }));
        }),
      );
      const failed = results.find((result) => result.status === "rejected");
      if (failed !== undefined || closing.signal.aborted) {
        await Promise.all(readers.map((reader) => reader.close()));
        throw failed?.reason ?? closing.signal.reason;
      }
      const isRetryLane = ({ lane }: Tenure) => lane.startsWith("retry/");
      const readerOf = (tenure: Tenure) =>
        readers.find(({ hub }) => hub === hubs.find(({ isRetry }) => isRetry === isRetryLane(tenure))?.hub) ??
        (readers[0] as HubReader);
      const receiver = createReceiver({
        readers,
        readerOf,
        handoff,
        positions: kept.positions,
        call,
        returnTo: returnTo(source),
      });
      const tracked = {
        ...receiver,
        close: async () => {
          open.delete(tracked);
          await receiver.close();
        },
      };
      open.add(tracked);
      return tracked;
    },
    /** Exact as long as nothing moves; the age is not told. */
    async backlog(source) {
      checkOpen();
      const { positions } = checkpointsOrThrow();
      const counted = await Promise.all(
        hubsOf(source).map(async ({ hub, group }) => {
          const client = producers.get(hub);
          const place = {
            fullyQualifiedNamespace: client.fullyQualifiedNamespace,
            eventHubName: client.eventHubName,
            consumerGroup: group,
          };
          try {
            const known = await call(undefined, (signal) => positions.list(place, signal));
            return await hubBacklog(infoOf(hub), known);
          } catch (error) {
            throw failedCall("Counting", `hub ${hub} for consumer group ${group}`, error);
          }
        }),
      );
      return { events: counted.reduce((sum, { events }) => sum + events, 0) };
    },
    /** Only the service knows its tier's limit: a link is opened, and nothing sent. */
    async describe(source, signal) {
      checkOpen();
      checkDeclared(source);
      names.group(source);
      checkpointsOrThrow();
      const back = returnTo(source);
      const senderTo = async (hub: string) => senderCapabilities(await maxMessageBytes(hub, signal));
      try {
        const [sender, returnSender] = await Promise.all([
          senderTo(names.hub(source.topic)),
          back === undefined ? undefined : senderTo(names.hub(back)),
        ]);
        return { sender, receiver: receiverCapabilities, returnSender };
      } catch (error) {
        if (classify(error) !== "transient") throw error;
        const sender = senderCapabilities(STANDARD_BYTES);
        const returnSender = back === undefined ? undefined : sender;
        const assumed = "the limits are those of the Standard tier";
        return { sender, receiver: receiverCapabilities, returnSender, assumed };
      }
    },
    topology: createTopology({
      settings,
      names,
      producer: producers.get,
      infoOf,
      connect: clients,
      call,
      container: checkpoints?.container,
      management: options.management,
    }),
    classify,
    async health(signal) {
      try {
        checkOpen();
        const [known] = producers.hubs;
        await infoOf(known ?? HEALTH_HUB)
          .partitionIds(signal)
          .catch((error: unknown) => {
            if (known !== undefined || classify(error) !== "not-found") throw error;
          });
        return { ok: true };
      } catch (error) {
        return { ok: false, error };
      }
    },
    async close() {
      closing.abort(closing.signal.reason ?? eventHubsErrors.WB_EVENT_HUBS_CLOSED({ what: "adapter" }));
      await Promise.all([...open].map((part) => part.close()));
      await producers.close();
    },
  };
}
