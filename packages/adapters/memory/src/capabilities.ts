import type { ReceiverCapabilities, SenderCapabilities } from "@waybill/core/spi";

/** The brokers whose shape this adapter can take on. */
export type Like =
  | "memory"
  | "storage-queue"
  | "service-bus"
  | "service-bus-sessions"
  | "event-grid"
  | "event-grid-webhook"
  | "event-hubs"
  | "kafka";

/** Everything in which one broker differs from another, as data. */
export interface Profile {
  /** `log`: partitions that are read, not emptied. `queue`: messages leased one by one. `sessions`: queues whose lanes are leased. */
  readonly storage: "log" | "queue" | "sessions";
  readonly sender: SenderCapabilities;
  readonly receiver: ReceiverCapabilities;
  readonly names: { readonly maxLength: number; readonly separator?: string };
  /** A copy can be sent to `topic/subscription`. */
  readonly returnTo: boolean;
  /** Dead letters lie in a queue of their own that can be browsed, also where the topics are logs. */
  readonly deadLetterStore: boolean;
  /** Partitions of a topic, or sessions of a queue. */
  readonly lanes: number;
  /** How long a crashed reader of a log keeps its partitions. */
  readonly sessionMs: number;
  /** Messages of a partition that stay readable after every subscription has committed them. */
  readonly retain: number;
  /** Deliveries after which the broker itself gives a message up. */
  readonly maxDeliveryCount: number;
  /** What the broker adds to a message's size. */
  readonly overheadBytes: number;
  /** What fails together when a send fails. */
  readonly failsBy: "message" | "lane" | "call";
  /** Where the broker, not the receiver, chooses when a released message comes again. */
  readonly redeliverAfterMs?: (deliveryCount: number) => number;
}

const KIB = 1_024;
const MIB = 1_024 * KIB;
const DAY_MS = 86_400_000;
/** For brokers that name no limit. */
const TEN_YEARS_MS = 3_650 * DAY_MS;

const anySender = { schedule: false, headers: true, fanOut: true, dedupe: false, overlap: false } as const;

const log = {
  storage: "log",
  returnTo: true,
  lanes: 4,
  maxDeliveryCount: Number.POSITIVE_INFINITY,
  failsBy: "lane",
} as const;

const logReceiver = { settle: "upTo", order: "lane", lease: false, release: false, reject: false } as const;

const queue = {
  storage: "queue",
  returnTo: true,
  lanes: 1,
  sessionMs: 0,
  retain: 0,
} as const;

const serviceBus: Profile = {
  ...queue,
  sender: {
    ...anySender,
    schedule: { maxDelayMs: TEN_YEARS_MS },
    overlap: true,
    maxSendBatch: 1_000,
    maxSendBatchBytes: 256 * KIB,
    maxMessageBytes: 256 * KIB,
  },
  receiver: {
    settle: "each",
    order: "none",
    lease: { ms: 60_000, renewable: true },
    release: "now",
    reject: true,
    settleCost: "cheap",
    maxReceiveBatch: 256,
    keepsAttempt: true,
  },
  names: { maxLength: 260, separator: "/" },
  deadLetterStore: true,
  maxDeliveryCount: 10,
  overheadBytes: 128,
  failsBy: "call",
};

const eventGrid: Profile = {
  ...queue,
  sender: {
    ...anySender,
    headers: false,
    overlap: true,
    maxSendBatch: 1_000,
    maxSendBatchBytes: MIB - 1,
    maxMessageBytes: MIB - 1,
  },
  receiver: {
    settle: "each",
    order: "none",
    lease: { ms: 60_000, renewable: true },
    release: { stepsMs: [0, 10_000, 60_000, 600_000, 3_600_000] },
    reject: false,
    settleCost: "io",
    maxReceiveBatch: 100,
  },
  // A topic and a subscription have a name each there; here they are one.
  names: { maxLength: 114, separator: "/" },
  deadLetterStore: false,
  // The service drops after its last delivery; here it goes on, for nothing is to be lost.
  maxDeliveryCount: Number.POSITIVE_INFINITY,
  overheadBytes: 0,
  failsBy: "call",
};

const WEBHOOK_RETRY_MS = [30_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000];

export const profiles: Readonly<Record<Like, Profile>> = {
  /**
   * The friendliest one, and the fastest: partitions with one cursor for each subscription. `upTo` rather than `each`, because one
   * settlement then covers a whole run of a lane, where `each` costs an object and a call for every event on both sides of the SPI.
   */
  memory: {
    ...log,
    sender: {
      ...anySender,
      schedule: { maxDelayMs: TEN_YEARS_MS },
      maxSendBatch: 10_000,
      maxSendBatchBytes: 256 * MIB,
      maxMessageBytes: 16 * MIB,
    },
    receiver: { ...logReceiver, settleCost: "cheap", maxReceiveBatch: 1_000 },
    names: { maxLength: 1_000, separator: "/" },
    deadLetterStore: true,
    sessionMs: 1_000,
    retain: 0,
    overheadBytes: 0,
  },
  "storage-queue": {
    ...queue,
    sender: {
      ...anySender,
      schedule: { maxDelayMs: 7 * DAY_MS },
      headers: false,
      fanOut: false,
      overlap: true,
      maxSendBatch: 32,
      maxSendBatchBytes: 32 * 64 * KIB,
      maxMessageBytes: 64 * KIB,
    },
    receiver: {
      settle: "each",
      order: "none",
      lease: { ms: 30_000, renewable: true },
      release: { maxDelayMs: 7 * DAY_MS },
      reject: false,
      settleCost: "io",
      maxReceiveBatch: 32,
      keepsAttempt: true,
    },
    names: { maxLength: 63 },
    deadLetterStore: false,
    maxDeliveryCount: Number.POSITIVE_INFINITY,
    overheadBytes: 0,
    failsBy: "message",
  },
  "service-bus": serviceBus,
  "service-bus-sessions": {
    ...serviceBus,
    storage: "sessions",
    lanes: 8,
    sender: { ...serviceBus.sender, overlap: false },
    receiver: { ...serviceBus.receiver, order: "lane" },
  },
  "event-grid": eventGrid,
  "event-grid-webhook": {
    ...eventGrid,
    receiver: {
      ...eventGrid.receiver,
      lease: { ms: 30_000, renewable: false },
      release: "broker",
      settleCost: "cheap",
    },
    returnTo: false,
    redeliverAfterMs: (deliveryCount) =>
      WEBHOOK_RETRY_MS[Math.min(deliveryCount, WEBHOOK_RETRY_MS.length) - 1] ?? 30_000,
  },
  "event-hubs": {
    ...log,
    sender: { ...anySender, stopsKeys: true, maxSendBatch: 1_000, maxSendBatchBytes: MIB, maxMessageBytes: MIB },
    receiver: { ...logReceiver, settleCost: "io", maxReceiveBatch: 300 },
    names: { maxLength: 256, separator: "." },
    deadLetterStore: false,
    sessionMs: 60_000,
    retain: 10_000,
    overheadBytes: 64,
  },
  kafka: {
    ...log,
    sender: {
      ...anySender,
      stopsKeys: true,
      maxSendBatch: 10_000,
      maxSendBatchBytes: 1_048_588,
      maxMessageBytes: 1_048_588,
    },
    receiver: { ...logReceiver, settleCost: "cheap", maxReceiveBatch: 500 },
    names: { maxLength: 249, separator: "." },
    deadLetterStore: false,
    sessionMs: 30_000,
    retain: 10_000,
    overheadBytes: 70,
  },
};
