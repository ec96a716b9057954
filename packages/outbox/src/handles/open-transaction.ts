import { orAbort } from "@waybill/core/spi";
import { has } from "./sql-handle.ts";

/**
 * Opens a transaction with the application's own library, runs `work` in it, commits when that resolves and rolls back when it rejects:
 * `(work) => db.transaction().execute(work)` for Kysely, `(work) => db.transaction(work)` for Drizzle, `(work) => knex.transaction(work)`,
 * `(work) => prisma.$transaction(work)`.
 */
export type OpenTransaction<Tx> = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

/** Handles whose transaction is over. */
const ended = new WeakSet<object>();

export function hasEnded(tx: object): boolean {
  return ended.has(tx);
}

/** Runs `work` in a transaction of the application's library; an aborted `signal` rolls it back, however long `work` goes on. */
export function inLibraryTransaction<Tx, T>(
  open: OpenTransaction<Tx>,
  work: (tx: Tx) => T | Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  signal?.throwIfAborted();
  return open(async (tx) => {
    const handle = tx as object;
    const comesAgain = () => void ended.delete(handle);
    comesAgain();
    const working = (async () => work(tx))();
    try {
      return await orAbort(working, signal);
    } finally {
      // Work that goes on after its signal must not write into whatever comes next on the connection.
      ended.add(handle);
      // The connection of a pool may be lent out again, for a transaction that the store does not open.
      if (has(handle, "release")) void working.then(comesAgain, comesAgain);
    }
  });
}
