import type { InboxKey } from "@waybill/core";
import type { Clock } from "@waybill/core/spi";

/** Relays share the work by buckets of keys. */
export const BUCKETS = 64;

/** An event on its way into the outbox. */
export interface NewRow {
  readonly topic: string;
  /** What decides the order inside the topic. */
  readonly key: string | undefined;
  /** 0 to 63, from the key; spread evenly where there is none. Relays share the work by it. */
  readonly bucket: number;
  /** The whole CloudEvent, as its row holds it: see `event-text.ts`. */
  readonly event: string;
  /** Milliseconds since the epoch, only where it lies in the future. */
  readonly notBeforeMs: number | undefined;
}

/** An event that a relay may publish. */
export interface OutboxRow {
  /** Unique in the outbox; rises with the commit order of one key. */
  readonly position: number;
  readonly bucket: number;
  readonly topic: string;
  readonly key: string | undefined;
  readonly event: string;
  /** Failed tries so far. */
  readonly attempts: number;
  /** True once it was set aside, after a failure or behind one. */
  readonly parked: boolean;
  /** An earlier event of this key is parked: this one must be parked behind it and not published. */
  readonly behind: boolean;
}

/** What is kept of an event once it is published. */
export type PublishedRow = Pick<OutboxRow, "position" | "bucket" | "topic" | "key" | "parked">;

/** What becomes of an event that was not published. */
export type Failure = { readonly row: OutboxRow } & (
  | { readonly kind: "retry"; readonly attempts: number; readonly delayMs: number; readonly error: string }
  /** Nothing wrong with it: it waits for an earlier event of its key. */
  | { readonly kind: "behind" }
  | {
      readonly kind: "dead";
      readonly reason: string;
      readonly attempts: number;
      readonly error: string;
      /** Later events of the key wait until an operator retries or discards this one. */
      readonly haltsKey: boolean;
    }
);

/** Some rows, by where they stand. A `Set` of numbers is one. */
export type Positions = Pick<ReadonlySet<number>, "has" | "size">;

export interface ClaimOptions {
  readonly max: number;
  /** Of event text; at least one row is answered however large. */
  readonly maxBytes: number;
  /** Positions that the relay still holds. */
  readonly skip: Positions;
  /** Topics that rest; their rows stay where they are. */
  readonly exceptTopics: ReadonlySet<string>;
}

export interface FeedOptions {
  /** Names this relay among all of the store: unique for each start. */
  readonly owner: string;
  readonly leaseMs: number;
  readonly clock: Clock;
  /** How often to look for new rows when nothing happens. Absent: what suits the store's own way of waking up. */
  readonly pollMs: number | undefined;
  /** How long published rows are kept for inspection; 0 removes them at once. */
  readonly keepSentMs: number;
  /** Told of trouble that the feed handles by itself. */
  readonly onTrouble: (error: unknown) => void;
}

/** Buckets that a relay has, with the epoch of each. */
export type Leases = ReadonlyMap<number, number>;

/**
 * One relay's view of a store. Its calls are not overlapped by the relay, except `lease`, `mark`, `tidy` and `release`, each with any other.
 *
 * The store owns the read position, and with it the answer to "which row may come next": no row is passed over because its
 * transaction committed late. A row is answered once until `rewind`, which starts from the oldest row again.
 */
export interface Feed {
  /**
   * Prolongs the leases of the buckets that this relay has, takes free ones up to its share, and gives back those above it which are not
   * `isBusy`; a busy one is answered until it is not, and nothing more is claimed of it. Answers the buckets it has now with the epoch of
   * each, which changes when another relay had the bucket meanwhile: none while others have them all. Expiry is judged by the store's clock
   * alone; the relay fences itself with a monotonic one.
   */
  lease(isBusy: (bucket: number) => boolean): Promise<Leases>;
  /** True while buckets are about to pass from one relay to another: nobody serves them meanwhile, so `lease` is called again soon. Absent: never. */
  isBalancing?(): boolean;
  /**
   * The next rows of what this relay has leased that are due, in order per key: parked ones first. Empty when there are none. The store may
   * read ahead: a row that was removed meanwhile may be in the next two answers, unless it is in `skip`.
   */
  claim(options: ClaimOptions): Promise<readonly OutboxRow[]>;
  /** Looks at every row again from the oldest on, such as after a topic has rested, and now and then as a safety net. */
  rewind(): void;
  /**
   * Removes rows that have been published, whoever holds the lease now: what is published is published. Small transactions, so
   * that writers are not held up. May be called again with the same rows.
   */
  mark(rows: readonly PublishedRow[]): Promise<void>;
  /** Parks or gives up rows, in one transaction that checks the lease. Rejects with WB_RELAY_LEASE_LOST, and then nothing has changed. */
  settle(failures: readonly Failure[]): Promise<void>;
  /** Resolves when there may be something new to claim, or `signal` aborts. Costs next to nothing when idle. */
  wait(signal: AbortSignal): Promise<void>;
  /** Housekeeping in small steps, called now and then by the owner. However long it takes, no other call waits for more than one step. */
  tidy(): Promise<void>;
  /**
   * Frees resources. With `handOver` another relay may take the lease at once; without, it waits for its end, since something that
   * this relay began may still reach the broker.
   */
  release(handOver: boolean): Promise<void>;
}

/** An event that was given up. */
export interface DeadRow {
  readonly position: number;
  readonly topic: string;
  readonly key: string | undefined;
  readonly event: string;
  readonly reason: string;
  readonly error: string;
  readonly attempts: number;
  /** Milliseconds since the epoch. */
  readonly deadAtMs: number;
  readonly haltsKey: boolean;
}

export interface DeadRows {
  /** In order of position, after `after`. */
  list(options: { max: number; after: number }): Promise<readonly DeadRow[]>;
  /** Puts them back to work at their old place in their key. Answers how many were there. */
  retry(positions: readonly number[]): Promise<number>;
  /** Forgets them for good. Answers how many were there. */
  discard(positions: readonly number[]): Promise<number>;
  /** Parked rows, which are not dead: those that wait for the time of their next try are tried now. Answers how many. */
  retryParked(): Promise<number>;
}

/** Events in the store, by where they stand. */
export interface Counts {
  /** Committed and not yet published, the scheduled and parked ones left out. */
  readonly waiting: number;
  readonly scheduled: number;
  readonly parked: number;
  readonly dead: number;
}

/** What waits of one topic. */
export interface TopicBacklog {
  readonly topic: string;
  readonly waiting: number;
  /** The `time` of its oldest event, in milliseconds since the epoch; `undefined` where it has none. */
  readonly oldestMs: number | undefined;
}

/** A relay that holds buckets of the outbox. */
export interface LeaseHolder {
  readonly owner: string;
  readonly buckets: number;
  /** Milliseconds since the epoch, by the store's clock. */
  readonly untilMs: number;
}

/** For operators; reads the whole backlog. */
export interface Overview {
  readonly topics: readonly TopicBacklog[];
  readonly relays: readonly LeaseHolder[];
  /** What keeps relays from working as configured; absent: nothing. */
  readonly problems?: readonly Error[];
}

/** The store's tables, in numbered steps. */
export interface Migrations {
  /** Applied so far (0: none), and what this version of the package wants. Rejects with WB_STORE_SCHEMA_NEWER when the store is ahead. */
  status(): Promise<{ readonly applied: number; readonly wanted: number }>;
  /** Applies what is missing, in one transaction a step. Answers the numbers of those applied. Safe to call from several processes. */
  apply(): Promise<readonly number[]>;
  /**
   * The statements that lead from version `from` (default 0: nothing there) to the newest, for people who run them by themselves. Throws
   * WB_STORE_SCHEMA_FROM where there is no such version.
   */
  sql(from?: number): string;
}

export interface InboxRows<Tx> {
  /** Asking first saves more than it costs: a transaction holds up all other writers. */
  readonly asksFirst: boolean;
  /** Of each key whether it is committed already. A hint: `false` may be out of date. */
  known(keys: readonly InboxKey[]): Promise<readonly boolean[]>;
  /**
   * Opens a transaction that has recorded the key already, in one message to the server, and runs `work` in it as `transaction` does. Absent
   * where that is no faster.
   */
  transaction?(
    key: InboxKey,
    work: (tx: Tx) => Promise<void>,
    options: { readonly signal: AbortSignal },
  ): Promise<"processed" | "duplicate">;
  /** Records the key inside `tx`. `false` when it is there already. */
  add(tx: Tx, key: InboxKey): Promise<boolean> | boolean;
  /**
   * Records keys that all differ inside `tx`, as few statements as can be. `false` when at least one is there already; then the transaction has to
   * be rolled back, for the others may be recorded or not.
   */
  addAll(tx: Tx, keys: readonly InboxKey[]): Promise<boolean> | boolean;
  /** Forgets keys recorded more than so long ago, in small transactions. Answers how many. */
  prune(olderThanMs: number): Promise<number>;
}

/**
 * What outbox, relay and inbox need of a database. `Tx` is the handle of the transactions that the store opens, `Joins` what it can join
 * of those that the application opens. All methods may be called concurrently, by several processes on one store.
 */
export interface Store<Tx = unknown, Joins = Tx> {
  /** For messages: the kind of store and where it is, without secrets. */
  readonly name: string;
  /** Opens, and brings the schema up to date. Called by the others when needed; call it at start-up to see its errors there. */
  open(): Promise<void>;
  /**
   * Runs `work` in a transaction: committed and durable when it resolves, rolled back when `work` throws or `signal` aborts
   * (then `tx` is dead at once, however long `work` goes on). Wakes the relays of this process after the commit.
   */
  transaction<T>(work: (tx: Tx) => T | Promise<T>, options?: { signal?: AbortSignal | undefined }): Promise<T>;
  /** Writes rows through a handle with an open transaction. Synchronous stores write before the first await. */
  insert(tx: Tx | Joins, rows: readonly NewRow[]): void | Promise<void>;
  feed(options: FeedOptions): Promise<Feed>;
  readonly inbox: InboxRows<Tx>;
  readonly dead: DeadRows;
  counts(): Promise<Counts>;
  overview(): Promise<Overview>;
  readonly migrations: Migrations;
  /** Waits for transactions under way. */
  close(): Promise<void>;
}
