import type { WireMessage } from "@waybill/core/spi";

/** One partition of a topic, by physical name. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** The next offset to read, or to commit: one after the last record that is done. */
export interface Position extends TopicPartition {
  readonly offset: bigint;
}

/** Where a consumer begins in a partition that it got. */
export interface StartPosition extends Position {
  /** The group has no position there yet: the engine commits this one before it reads. */
  readonly isNew: boolean;
}

export interface OutboundRecord {
  readonly partition: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Text goes out as UTF-8. */
  readonly headers: Readonly<Record<string, string | Buffer>>;
}

/** A record as read. What it keeps alive is its own and little else: never the whole fetch. */
export interface FetchedRecord {
  readonly offset: bigint;
  readonly message: WireMessage;
}

/** Records of one partition in the order of their offsets, read one after the other as they are taken. */
export interface FetchedBatch extends TopicPartition {
  /** The offset to ask for next: after these records, and after what is no record of anybody's (transaction markers). */
  readonly next: bigint;
  /** How many records are left, */
  readonly count: number;
  /** how many bytes they take, */
  readonly bytes: number;
  /** and the first of them. */
  readonly nextBytes: number;
  /** Passes over records before that offset. */
  skipTo(offset: bigint): void;
  /** The next record; there is one. */
  take(): FetchedRecord;
}

/** Of a send: the brokers have all of it but what was for these partitions, of which that is left open. */
export class PartlySent extends Error {
  override readonly name = "PartlySent";
  readonly partitions: ReadonlySet<number>;

  constructor(left: readonly Pick<OutboundRecord, "partition">[], cause: unknown) {
    super("Some partitions did not get their records.", { cause });
    this.partitions = new Set(left.map(({ partition }) => partition));
  }
}

export interface EngineProducer {
  /**
   * Resolves when the brokers have all of it (acks=all). A rejection leaves open which of it they have, unless it is a `PartlySent`. Never two at a
   * time for one topic.
   */
  send(topic: string, records: readonly OutboundRecord[]): Promise<void>;
  close(): Promise<void>;
}

export interface ConsumerOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** Called after each join with all that this member has now. `isNewMember`: what it had before is gone, also where it got it again. */
  readonly assigned: (partitions: readonly TopicPartition[], isNewMember: boolean) => Promise<readonly StartPosition[]>;
  /** Called in order for each partition. The engine reads no further there before it resolves; other partitions go on, if need be after some 50 ms. */
  readonly records: (batch: FetchedBatch) => Promise<void>;
  /** Called once when the membership is over by itself. The consumer is of no use after it. */
  readonly failed: (error: unknown) => void;
  /** Called, perhaps again and again, for what keeps it from reading while the membership goes on. */
  readonly troubled: (error: unknown) => void;
  /** Ends a join that waits, within seconds, also for a broker that is silent. Means nothing once it has joined: then there is `close`. */
  readonly signal: AbortSignal;
}

/** One member of a group. Its heartbeats depend on nobody's handlers. */
export interface EngineConsumer {
  /** Nothing more of this partition until `resume`, but for what is on its way. */
  pause(partition: TopicPartition): void;
  resume(partition: TopicPartition): void;
  /** Rejects when the group does not take it: another generation, a member that is none any more. */
  commit(positions: readonly Position[]): Promise<void>;
  /** Leaves the group. Resolves within seconds, whatever the brokers do. Idempotent. */
  close(): Promise<void>;
}

export interface NewTopic {
  readonly topic: string;
  /** Undefined: the broker's default. */
  readonly partitions: number | undefined;
  readonly replicationFactor: number | undefined;
}

export interface PartitionRange {
  readonly partition: number;
  /** The first offset there is. */
  readonly low: bigint;
  /** One after the last. */
  readonly high: bigint;
}

export interface EngineAdmin {
  /** Asks any broker who is there. */
  ping(): Promise<void>;
  topics(): Promise<readonly string[]>;
  /** How many partitions it has; undefined where there is no such topic. Creates nothing. */
  partitionCount(topic: string): Promise<number | undefined>;
  /** Of the topic's configuration; undefined where this client may not read it. */
  maxMessageBytes(topic: string): Promise<number | undefined>;
  /** Resolves when the cluster has accepted it, which other brokers may hear of later; fine when it exists already. */
  createTopic(topic: NewTopic): Promise<void>;
  deleteTopic(topic: string): Promise<void>;
  ranges(topic: string): Promise<readonly PartitionRange[]>;
  /** What the group has committed; partitions without a position are left out. */
  committed(groupId: string, topic: string): Promise<readonly Position[]>;
  close(): Promise<void>;
}

/**
 * A Kafka client library, as small as the adapter needs it. Engines retry as little as they can, compress, sign in, and keep a membership;
 * partitions are chosen, positions kept and outcomes judged outside, once for all engines.
 */
export interface KafkaEngine {
  readonly admin: EngineAdmin;
  openProducer(): Promise<EngineProducer>;
  /** Resolves when it has joined and reads from its start positions. */
  openConsumer(options: ConsumerOptions): Promise<EngineConsumer>;
}
