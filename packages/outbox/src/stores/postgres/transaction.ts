import { orAbort } from "@waybill/core/spi";
import type { PoolClient } from "pg";
import type { Connections } from "./connections.ts";
import { databaseError, endsConnection } from "./database-errors.ts";
import { inOneMessage, type Prepared } from "./in-one-message.ts";
import { postgresErrors } from "./postgres-errors.ts";

const BEGIN: Prepared = { name: "wb_begin", text: "BEGIN", values: [] };

/**
 * Runs `work` in a transaction on a connection of the pool. What it throws reaches the caller as it is; an aborted signal ends the
 * connection, so that work which goes on cannot write into whatever comes next on it. `first` goes to the server together with BEGIN; `work` learns
 * how many rows it has changed.
 */
export async function inTransaction<T>(
  connections: Connections,
  work: (tx: PoolClient, changed: number) => T | Promise<T>,
  signal: AbortSignal | undefined,
  first?: Prepared,
): Promise<T> {
  signal?.throwIfAborted();
  const { store } = connections;
  const client = await connections.take();
  let broken = false;
  try {
    let changed = 0;
    try {
      const begun = first === undefined ? client.query("BEGIN") : inOneMessage(client, [BEGIN, first]);
      const counts = await orAbort<unknown>(begun, signal, () => {
        broken = true;
      });
      if (first !== undefined) changed = (counts as readonly number[])[1]!;
    } catch (error) {
      broken ||= endsConnection(error);
      if (!broken) {
        await client.query("ROLLBACK").catch(() => {
          broken = true;
        });
      }
      throw databaseError(error, store);
    }
    let result: T;
    try {
      result = await orAbort((async () => work(client, changed))(), signal, () => {
        broken = true;
      });
    } catch (error) {
      if (!broken) {
        await client.query("ROLLBACK").catch(() => {
          broken = true;
        });
      }
      throw error;
    }
    await commit(client, store).catch((error) => {
      broken = endsConnection(error.cause ?? error);
      throw error;
    });
    return result;
  } finally {
    client.release(broken);
  }
}

async function commit(client: PoolClient, store: string): Promise<void> {
  let command: string;
  try {
    ({ command } = await client.query("COMMIT"));
  } catch (error) {
    // A refused commit, such as by a deferred constraint, is told as it is; silence means that nobody knows.
    if (endsConnection(error)) throw postgresErrors.WB_POSTGRES_COMMIT_UNKNOWN({ store }, error);
    throw databaseError(error, store);
  }
  // The server answers COMMIT of a failed transaction with success, and rolls back.
  if (command === "ROLLBACK") throw postgresErrors.WB_POSTGRES_ROLLED_BACK({ store });
}
