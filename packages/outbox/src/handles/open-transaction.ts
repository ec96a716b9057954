import { orAbort } from "@waybill/core/spi";

/**
 * Opens a transaction with the application's own library, runs `work` in it, commits when that resolves and rolls back when it rejects:
 * `(work) => db.transaction().execute(work)` for Kysely, `(work) => db.transaction(work)` for Drizzle, `(work) => knex.transaction(work)`,
 * `(work) => prisma.$transaction(work)`.
 */
export type OpenTransaction<Tx> = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;

/** Handles whose transaction is over. What a library lends out, such as a connection, may come again. */
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
    ended.delete(tx as object);
    try {
      return await orAbort((async () => work(tx))(), signal);
    } finally {
      // Work that goes on after its signal must not write into whatever comes next on the connection.
      ended.add(tx as object);
    }
  });
}
