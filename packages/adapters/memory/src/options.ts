import { type Clock, createNaming, systemClock } from "@waybill/core/spi";
import { createMemoryBroker, type MemoryBroker } from "./broker/broker.ts";
import { type Like, type Profile, profiles } from "./capabilities.ts";
import { memoryErrors } from "./errors.ts";
import type { Faults } from "./faults.ts";

/** Figures of a broker that differ by tier or set-up. */
export interface MemoryLimits {
  /** Bytes of one message, as the profile counts them. */
  readonly maxMessageBytes?: number;
  readonly maxSendBatch?: number;
  readonly maxSendBatchBytes?: number;
  readonly maxReceiveBatch?: number;
  /** Deliveries after which a broker with its own dead-letter store gives a message up. */
  readonly maxDeliveryCount?: number;
  /** Drops a second message of one id within so many milliseconds. Only like service-bus; default off. */
  readonly dedupeMs?: number;
}

export interface MemoryOptions {
  /** The broker to behave like. Default `memory`: partitions, headers, scheduling, fan-out by the broker, generous limits. */
  readonly like?: Like;
  /**
   * Subscriptions by topic that exist from the start. Like storage-queue it must name all of a topic, for the sender copies to these. Like
   * service-bus and event-grid a message reaches those declared or opened by then, and is dropped where there is none. Logs keep everything anyway; a
   * declared subscription keeps them from forgetting.
   */
  readonly subscriptions?: Readonly<Record<string, readonly string[]>>;
  /** Partitions of a topic, or session buckets of a queue. Default 4, and 8 sessions. */
  readonly partitions?: number;
  /** Length of a lease. For logs: how long a crashed reader keeps its partitions. Default: the broker's own. */
  readonly leaseMs?: number;
  /** Messages of a partition that stay after every subscription has committed them. Default 0; like kafka and event-hubs 10 000. */
  readonly retain?: number;
  readonly limits?: MemoryLimits;
  /** Environment prefix of every physical name. */
  readonly prefix?: string;
  /** Physical names set by hand, by logical name. */
  readonly names?: Readonly<Record<string, string>>;
  /** Default: the system's. With `broker`, give the clock to that instead. */
  readonly clock?: Clock;
  /** What goes wrong, and how often. Default: nothing. */
  readonly faults?: Faults;
  /** Shared by several adapters, which are then as many processes. Default: a broker of its own. */
  readonly broker?: MemoryBroker;
}

/** The options with every default filled in. */
export interface Settings {
  readonly like: Like;
  readonly profile: Profile;
  /** Of what is leased: queues, and the dead-letter store of logs. */
  readonly leaseMs: number;
  readonly dedupeMs: number;
  readonly broker: MemoryBroker;
  readonly faults: Faults | undefined;
  readonly physical: (logical: string) => string;
  readonly declared: (topic: string) => readonly string[] | undefined;
}

export function resolveOptions(options: MemoryOptions): Settings {
  const { like = "memory", broker = createMemoryBroker({ clock: options.clock ?? systemClock }) } = options;
  if (options.clock !== undefined && options.clock !== broker.clock) {
    throw memoryErrors.WB_MEMORY_BROKER_MISMATCH({ what: "the clock" });
  }
  if (!broker.takesShape(like)) throw memoryErrors.WB_MEMORY_BROKER_MISMATCH({ what: "the broker they are like" });
  const profile = adjusted(profiles[like], options);
  const { lease } = profile.receiver;
  const { maxLength, separator } = profile.names;
  const declared = new Map(Object.entries(options.subscriptions ?? {}));
  return {
    like,
    profile,
    leaseMs: lease === false ? (options.leaseMs ?? 60_000) : lease.ms,
    dedupeMs: options.limits?.dedupeMs ?? 0,
    broker,
    faults: options.faults,
    physical: createNaming({
      entity: "memory topic",
      maxLength,
      separator,
      prefix: options.prefix,
      names: options.names,
    }),
    declared: (topic) => declared.get(topic),
  };
}

function adjusted(profile: Profile, { limits = {}, leaseMs, partitions, retain }: MemoryOptions): Profile {
  const { sender, receiver } = profile;
  return {
    ...profile,
    lanes: partitions ?? profile.lanes,
    retain: retain ?? profile.retain,
    sessionMs: leaseMs ?? profile.sessionMs,
    maxDeliveryCount: limits.maxDeliveryCount ?? profile.maxDeliveryCount,
    sender: {
      ...sender,
      dedupe: (limits.dedupeMs ?? 0) > 0,
      maxMessageBytes: limits.maxMessageBytes ?? sender.maxMessageBytes,
      maxSendBatch: limits.maxSendBatch ?? sender.maxSendBatch,
      maxSendBatchBytes: limits.maxSendBatchBytes ?? sender.maxSendBatchBytes,
    },
    receiver: {
      ...receiver,
      maxReceiveBatch: limits.maxReceiveBatch ?? receiver.maxReceiveBatch,
      lease: receiver.lease === false || leaseMs === undefined ? receiver.lease : { ...receiver.lease, ms: leaseMs },
    },
  };
}
