import { type Inbox, type InboxKey, isWaybillError } from "@waybill/core";
import type { Store } from "../store.ts";
import { type BatchOutcome, processBatch } from "./process-batch.ts";

/** An inbox in a database. */
export interface StoreInbox<Tx> extends Inbox<Tx> {
  /** For handlers of many events at once: see {@link processBatch}. */
  processBatch<Item extends { readonly key: InboxKey }>(
    items: readonly Item[],
    work: (tx: Tx, fresh: readonly Item[]) => Promise<void>,
    signal: AbortSignal,
  ): Promise<readonly BatchOutcome[]>;
  /**
   * Forgets events processed more than `olderThanMs` ago, in small transactions. Keep longer than the broker can redeliver: its
   * retention, plus the time a dead letter may wait for its redrive. Answers how many.
   */
  prune(options: { readonly olderThanMs: number }): Promise<number>;
}

/**
 * The idempotent consumer with a database: the record of the event and what the handler writes through `tx` commit together, and with
 * them what it publishes through the outbox of the same store. A crash or an error undoes all of it, and the event comes again.
 */
export function createInbox<Tx>({ store }: { readonly store: Store<Tx> }): StoreInbox<Tx> {
  const inbox: StoreInbox<Tx> = {
    processBatch: (items, work, signal) => processBatch(store, inbox, items, work, signal),
    async process(key, work, signal) {
      if (store.inbox.asksFirst && (await store.inbox.known([key]))[0]) return "duplicate";
      try {
        if (store.inbox.transaction !== undefined) return await store.inbox.transaction(key, work, { signal });
        return await store.transaction<"processed" | "duplicate">(
          async (tx) => {
            if (!(await store.inbox.add(tx, key))) return "duplicate";
            await work(tx);
            return "processed";
          },
          { signal },
        );
      } catch (error) {
        // The other one may still fail: it is not a duplicate yet.
        if (isWaybillError(error, "WB_INBOX_BUSY")) return "busy";
        throw error;
      }
    },
    prune: ({ olderThanMs }) => store.inbox.prune(olderThanMs),
  };
  return inbox;
}
