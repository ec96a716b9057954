import { type Adapter, deadTopic, ownTopic, unlessAborted } from "@waybill/core/spi";
import { createAdmin } from "./admin.ts";
import { DEFAULT_MAX_MESSAGE_BYTES, receiverCapabilities, senderCapabilities } from "./capabilities.ts";
import { classify } from "./classify.ts";
import type { KafkaEngine } from "./engine/engine.ts";
import { loadEngine } from "./engine/load-engine.ts";
import { kafkaErrors } from "./errors.ts";
import { createNames } from "./names.ts";
import { onceThere } from "./once-there.ts";
import { checkOptions, type KafkaOptions } from "./options.ts";
import { createProducers } from "./producers.ts";
import { openReceiver } from "./receiver.ts";
import { createSender } from "./sender.ts";
import { createTopology } from "./topology.ts";

/** A topic that has more partitions than before is noticed after this long. */
const PARTITIONS_MAX_AGE_MS = 60_000;

/**
 * Apache Kafka, 3.9 and 4.x: one consumer group for each subscription, order per key, at least once. Checks its options and does no I/O.
 */
export function kafka(options: KafkaOptions): Adapter & { readonly name: "kafka" } {
  const settings = checkOptions(options);
  const names = createNames(settings);
  const open = new Set<{ close(): Promise<void> }>();
  let closed = false;
  let loading: Promise<KafkaEngine> | undefined;
  const checkOpen = () => {
    if (closed) throw kafkaErrors.WB_KAFKA_CLOSED({ what: "adapter" });
  };
  /** Of whatever is under way when the adapter closes, nothing begins after it: nobody would end it. */
  const engine = async (): Promise<KafkaEngine> => {
    checkOpen();
    loading ??= loadEngine(settings).catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
  const admin = createAdmin(engine, settings);
  const producers = createProducers(engine);

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

  /** A subscription that has a position, or a typing error. */
  const checkSubscribed = async (logical: string, subscription: string) => {
    const [topic, dead] = [names.topic(logical), deadTopic(logical, subscription)];
    if ((await admin.partitionCount(topic)) === undefined) throw kafkaErrors.WB_KAFKA_TOPIC({ topic, logical });
    if (await admin.hasPosition(names.group(logical, subscription), topic)) return;
    throw kafkaErrors.WB_KAFKA_TOPIC({ topic: names.topic(dead), logical: dead });
  };

  return {
    name: "kafka",
    async openSender(logical) {
      checkOpen();
      const topic = names.topic(logical);
      let count = await admin.ensure(topic, logical);
      const maxMessageBytes = await admin.maxMessageBytes(topic);
      let askedMs = performance.now();
      const partitionCount = () => {
        if (performance.now() - askedMs > PARTITIONS_MAX_AGE_MS) {
          askedMs = performance.now();
          // The old count is right for those that it counts.
          admin.partitionCount(topic).then(
            (found) => {
              count = found ?? count;
            },
            () => undefined,
          );
        }
        return count;
      };
      checkOpen();
      return track(createSender({ topic, maxMessageBytes, producers, partitionCount }));
    },
    async openReceiver(source) {
      checkOpen();
      const { topic: logical, subscription } = source;
      const groupId = names.group(logical, subscription);
      const topic = names.topic(logical);
      const [main = logical] = logical.split("/");
      const own = ownTopic(main, subscription);
      const isDead = logical === deadTopic(main, subscription);
      if (!isDead) await admin.ensure(topic, logical);
      // Whoever looks at dead letters makes no topic: the first dead letter does.
      const hasOwn = isDead
        ? (await admin.partitionCount(names.topic(own))) !== undefined
        : await admin.ensureIfAllowed(names.topic(own), own);
      // Redriven dead letters go there as well, but whoever reads the dead letters does not want them back.
      const topics = hasOwn && logical === main ? [topic, names.topic(own)] : [topic];
      const returnTo = hasOwn ? own : undefined;
      const join = async () => {
        const receiver = await openReceiver({
          engine,
          groupId,
          topics,
          returnTo,
          positions: (group, assigned, hasRead) =>
            admin.positions(group, assigned, (one) =>
              one === topic && !hasRead.has(one) ? source.startFrom : "earliest",
            ),
        });
        if (closed) await receiver.close();
        checkOpen();
        return receiver;
      };
      const isThere = async () => (await admin.partitionCount(topic)) !== undefined;
      if (!isDead || (await isThere())) {
        checkOpen();
        return track(await join());
      }
      if (!hasOwn && !settings.subscriptions.get(main)?.includes(subscription))
        await checkSubscribed(main, subscription);
      checkOpen();
      return track(onceThere({ isThere, open: join, returnTo }));
    },
    /** The group's lag. Transaction markers at the end of a partition count until something follows them. */
    async backlog({ topic: logical, subscription }) {
      checkOpen();
      const groupId = names.group(logical, subscription);
      const topics = logical.includes("/") ? [logical] : [logical, ownTopic(logical, subscription)];
      return admin.backlog(groupId, topics.map(names.topic));
    },
    async describe({ topic, subscription }) {
      checkOpen();
      names.group(topic, subscription);
      const own = names.topic(ownTopic(topic, subscription));
      // A topic that is made later has the broker's limit, which the topic's setting stands for once there is one.
      const senderTo = async (name: string) =>
        senderCapabilities(
          (await admin.partitionCount(name)) === undefined
            ? (settings.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES)
            : await admin.maxMessageBytes(name),
        );
      try {
        const hasOwn = settings.createTopics || (await admin.partitionCount(own)) !== undefined;
        const [sender, returnSender] = await Promise.all([
          senderTo(names.topic(topic)),
          hasOwn ? senderTo(own) : undefined,
        ]);
        return { sender, receiver: receiverCapabilities, returnSender };
      } catch (error) {
        if (classify(error) !== "transient") throw error;
        const sender = senderCapabilities(settings.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES);
        const returnSender = settings.createTopics ? sender : undefined;
        const assumed = "the topics have the brokers' default limits";
        return { sender, receiver: receiverCapabilities, returnSender, assumed };
      }
    },
    topology: createTopology(admin, names, settings),
    classify,
    async health(signal) {
      try {
        checkOpen();
        const answered = await unlessAborted(
          admin.ping().then(() => true),
          signal,
        );
        if (answered === undefined) throw new DOMException("No broker answered in time.", "TimeoutError");
        return { ok: true };
      } catch (error) {
        return { ok: false, error };
      }
    },
    async close() {
      if (closed) return;
      closed = true;
      await Promise.allSettled([...open].map((part) => part.close()));
      await producers.close();
      const loaded = await loading?.catch(() => undefined);
      await loaded?.admin.close();
    },
  };
}
