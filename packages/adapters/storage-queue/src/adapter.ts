import { type Adapter, createCall, deadTopic, ownTopic, type Source, type Topology } from "@waybill/core/spi";
import { createAdmin } from "./admin.ts";
import { receiverCapabilities, senderCapabilities } from "./capabilities.ts";
import { classify, failedCall } from "./classify.ts";
import { connect } from "./connect.ts";
import { createDeadLetters } from "./dead-letters.ts";
import { storageQueueErrors } from "./errors.ts";
import { ATTEMPT_BYTES } from "./mapping.ts";
import { checkOptions, type StorageQueueOptions } from "./options.ts";
import { createQueueNames } from "./queue-names.ts";
import { createReceiver } from "./receiver.ts";
import { createSender } from "./sender.ts";
import { createTopology } from "./topology.ts";

export interface StorageQueueAdapter extends Adapter {
  readonly name: "storage-queue";
  readonly topology: Topology;
}

/**
 * Azure Storage Queues: one queue for each subscription, with copies made by the sender; at least once, in no order. Checks its options and
 * does no I/O.
 */
export function storageQueue(options: StorageQueueOptions): StorageQueueAdapter {
  const settings = checkOptions(options);
  const names = createQueueNames(settings);
  const service = connect(options);
  const closing = new AbortController();
  const call = createCall(settings.requestTimeoutMs, closing.signal);
  const admin = createAdmin(service, call, settings);
  const open = new Set<{ close(): Promise<void> }>();

  const checkOpen = () => closing.signal.throwIfAborted();
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
    return tracked;
  };
  const queueOf = (logical: string) => service.getQueueClient(names(logical));

  /** A topic stands for all its subscriptions; anything longer is one queue. */
  const destinations = (topic: string): readonly string[] => {
    if (topic.includes("/")) return [topic];
    const declared = settings.subscriptions.get(topic) ?? [];
    if (declared.length === 0) throw storageQueueErrors.WB_STORAGE_QUEUE_UNDECLARED({ topic });
    return declared.map((subscription) => ownTopic(topic, subscription));
  };

  const checkDeclared = ({ topic, subscription }: Omit<Source, "startFrom">) => {
    const declared = settings.subscriptions.get(topic);
    if (declared === undefined || declared.includes(subscription)) return;
    throw storageQueueErrors.WB_STORAGE_QUEUE_SUBSCRIPTION({
      topic,
      subscription,
      declared: declared.join(", ") || "none",
    });
  };

  return {
    name: "storage-queue",
    async openSender(topic) {
      checkOpen();
      const queues = destinations(topic).map(queueOf);
      await Promise.all(queues.map((queue) => admin.ensure(queue.name)));
      // What is given up is not tried again, and must fit however large it came.
      const room = topic.split("/")[2] === "dead" ? 0 : ATTEMPT_BYTES;
      return track(createSender(queues, room, admin, settings));
    },
    /** `startFrom` changes nothing: a queue holds what was sent since it exists, and that is the subscription's position. */
    async openReceiver(source) {
      checkOpen();
      checkDeclared(source);
      const own = ownTopic(source.topic, source.subscription);
      const queue = queueOf(own);
      await (settings.createQueues ? admin.ensure(queue.name) : admin.look(queue.name));
      return track(createReceiver({ queue, admin, settings, returnTo: own }));
    },
    async openDeadLetters({ topic, subscription }) {
      checkOpen();
      const queue = queueOf(deadTopic(topic, subscription));
      return track(createDeadLetters({ queue, admin, settings, returnTo: ownTopic(topic, subscription) }, call));
    },
    /** Approximate, and hidden messages count. The age is that of the first message that is not hidden; where there is none, nothing is ready. */
    async backlog({ topic, subscription }) {
      checkOpen();
      const queue = queueOf(ownTopic(topic, subscription));
      try {
        const [properties, head] = await Promise.all([
          call(undefined, (abortSignal) => queue.getProperties({ abortSignal })),
          call(undefined, (abortSignal) => queue.peekMessages({ abortSignal })),
        ]);
        const oldest = head.peekedMessageItems[0]?.insertedOn.getTime();
        const events = Math.max(0, properties.approximateMessagesCount ?? 0);
        return {
          events,
          oldestMs: oldest === undefined ? undefined : Math.max(0, Date.now() - oldest),
          ...(events > 0 && oldest === undefined ? { ready: false } : {}),
        };
      } catch (error) {
        throw failedCall("Counting", queue.name, error);
      }
    },
    async describe(source) {
      checkOpen();
      checkDeclared(source);
      for (const logical of destinations(source.topic)) names(logical);
      names(ownTopic(source.topic, source.subscription));
      return {
        sender: senderCapabilities,
        receiver: receiverCapabilities(settings.visibilityMs),
        returnSender: senderCapabilities,
      };
    },
    classify,
    async health(signal) {
      try {
        checkOpen();
        await call(signal, (abortSignal) => service.getProperties({ abortSignal }));
        return { ok: true };
      } catch (error) {
        return { ok: false, error: classify(error) === "closed" ? error : failedCall("Asking", "service", error) };
      }
    },
    topology: createTopology(service, names, call, settings),
    async close() {
      closing.abort(storageQueueErrors.WB_STORAGE_QUEUE_CLOSED({ what: "adapter" }));
      await Promise.all([...open].map((part) => part.close()));
    },
  };
}
