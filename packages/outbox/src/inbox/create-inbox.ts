import { type Inbox, isWaybillError } from "@waybill/core";
import type { Store } from "../store.ts";

/** An inbox in a database. */
export interface StoreInbox<Tx> extends Inbox<Tx> {
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
  return {
    async process(key, work, signal) {
      // Most redeliveries end here, without waiting for the write lock.
      if (await store.inbox.has(key)) return "duplicate";
      try {
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
}
