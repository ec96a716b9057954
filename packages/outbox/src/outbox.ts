import type { NewEvent, NewEventOf, RawCloudEvent, TopicDefinition } from "@waybill/core";
import { checkEvents } from "@waybill/core/spi";
import { type DeadEvents, deadEvents } from "./dead-events.ts";
import { newRow, newRows } from "./new-row.ts";
import type { Store } from "./store.ts";

export interface OutboxOptions<Tx, Joins = Tx> {
  readonly store: Store<Tx, Joins>;
  /** The CloudEvents `source` of events that name none: `/shop`. */
  readonly source: string;
}

/** Writes events in the transaction of the business data. A relay publishes them afterwards: the broker may be down meanwhile. */
export interface Outbox<Tx, Joins = Tx> {
  /**
   * Writes one event or many through `tx`, in order; they exist once its transaction commits, and never otherwise. Rejects
   * before writing any of them when one is invalid or of no type of the topic, or when `tx` has no transaction open.
   *
   * With schemas that validate synchronously (most do) the rows are written before the call returns its promise.
   */
  publish<Topic extends TopicDefinition>(
    tx: Tx | Joins,
    topic: Topic,
    event: NewEventOf<Topic> | readonly NewEventOf<Topic>[],
  ): Promise<void>;
  /** The same for events that are complete, with no schema known. `notBefore` holds all of them back. */
  publishRaw(
    tx: Tx | Joins,
    topic: string,
    event: RawCloudEvent | readonly RawCloudEvent[],
    options?: { readonly notBefore?: Date | undefined },
  ): Promise<void>;
  /**
   * Opens a transaction, commits it when `work` returns, rolls back when it throws, and wakes a relay of this process. Resolves once
   * it is durable. `tx` is good until then and no longer.
   */
  transaction<T>(work: (tx: Tx) => T | Promise<T>, options?: { readonly signal?: AbortSignal | undefined }): Promise<T>;
  /** Events that the relay gave up. */
  readonly dead: DeadEvents;
}

/** One outbox a store and source. It holds nothing open; close the store. */
export function createOutbox<Tx, Joins = Tx>(options: OutboxOptions<Tx, Joins>): Outbox<Tx, Joins> {
  const { store, source } = options;
  return {
    async publish(tx, topic, event) {
      const events = (Array.isArray(event) ? event : [event]) as readonly NewEvent[];
      checkEvents(topic, events);
      const rows = newRows(topic.name, events, source, Date.now());
      // Awaited only where it must be, so that a caller who forgets to await still writes inside the transaction.
      await store.insert(tx, rows instanceof Promise ? await rows : rows);
    },

    async publishRaw(tx, topic, event, { notBefore } = {}) {
      const events = (Array.isArray(event) ? event : [event]) as readonly RawCloudEvent[];
      await store.insert(
        tx,
        events.map((one) => newRow(topic, one, notBefore, Date.now())),
      );
    },

    transaction: (work, transactionOptions) => store.transaction(work, transactionOptions),
    dead: deadEvents(store),
  };
}
