import type { Adapter, DeadLetterStore, ReceiverCapabilities, Source } from "@waybill/core/spi";
import { ownTopic } from "@waybill/core/spi";
import { Admin } from "./admin.ts";
import type { MemoryBroker } from "./broker/broker.ts";
import type { Queue } from "./broker/queue.ts";
import { SessionQueue } from "./broker/session-queue.ts";
import { classify, memoryErrors } from "./errors.ts";
import { Link } from "./link.ts";
import { LogReceiver } from "./log-receiver.ts";
import { type MemoryOptions, resolveOptions } from "./options.ts";
import { QueueReceiver } from "./queue-receiver.ts";
import { MemorySender } from "./sender.ts";
import { SessionReceiver } from "./session-receiver.ts";
import { openTarget } from "./target.ts";

const WEEK_MS = 604_800_000;

/** An adapter over an in-process broker. */
export interface MemoryAdapter extends Adapter {
  readonly broker: MemoryBroker;
  /**
   * The process dies: nothing is given back, nobody is told. Leases run out, partitions become free when the dead reader's session has
   * run out, and every later call of this adapter fails.
   */
  crash(): void;
}

/**
 * A broker in this process, like any of the brokers that Waybill carries: for tests, development and samples. It forgets everything when the
 * process ends. Bodies are shared with the publisher, not copied.
 */
export function memory(options: MemoryOptions = {}): MemoryAdapter {
  const settings = resolveOptions(options);
  const { profile, broker, like } = settings;
  const admin = new Admin(settings);
  const link = new Link(broker, settings.faults);

  const open = () => {
    if (link.closed) throw memoryErrors.WB_MEMORY_CLOSED({ what: "connection" });
  };

  const adapter: MemoryAdapter = {
    name: like,
    broker,
    async openSender(topic) {
      open();
      return new MemorySender(settings, link, openTarget(topic, admin, settings));
    },
    async openReceiver(source) {
      open();
      if (profile.storage === "log" && !admin.isQueue(source.topic)) {
        return new LogReceiver(settings, link, admin.group(source), source);
      }
      const queue = admin.subscriptionQueue(source);
      if (queue instanceof SessionQueue) {
        return new SessionReceiver({ settings, link, queue, source, deadQueue: () => admin.deadQueue(source) });
      }
      return new QueueReceiver({ settings, link, queue, source, ...queueParts(source, queue) });
    },
    async backlog(source) {
      open();
      return admin.backlog(source);
    },
    async describe(source) {
      open();
      admin.check(source);
      const { sender, receiver, returnTo } = profile;
      return { sender, receiver, returnSender: returnTo ? sender : undefined };
    },
    classify,
    async health() {
      return link.closed ? { ok: false, error: memoryErrors.WB_MEMORY_CLOSED({ what: "connection" }) } : { ok: true };
    },
    close: () => link.close(),
    crash: () => link.crash(),
  };
  if (profile.deadLetterStore) {
    adapter.openDeadLetters = async (source): Promise<DeadLetterStore> => {
      open();
      const capabilities = deadLetterCapabilities(profile.receiver);
      // One look is enough: what is dead does not come while one waits.
      return new QueueReceiver({ settings, link, queue: admin.deadQueue(source), source, capabilities, waitMs: 0 });
    };
  }
  return adapter;

  /** A subscription's queue can reject where the broker can; a queue that is read as such has nowhere to reject to. */
  function queueParts(source: Source, queue: Queue) {
    const own = queue.source === ownTopic(source.topic, source.subscription);
    if (profile.storage !== "log" && (own || !queue.source.endsWith("/dead"))) {
      const deadQueue = profile.receiver.reject ? () => admin.deadQueue(source) : undefined;
      return { capabilities: profile.receiver, deadQueue };
    }
    return { capabilities: deadLetterCapabilities(profile.receiver) };
  }

  function deadLetterCapabilities(receiver: ReceiverCapabilities): ReceiverCapabilities {
    if (receiver.settle === "each") return { ...receiver, order: "none", reject: false };
    const lease = { ms: settings.leaseMs, renewable: true };
    return { ...receiver, settle: "each", order: "none", lease, release: { maxDelayMs: WEEK_MS }, keepsAttempt: true };
  }
}
