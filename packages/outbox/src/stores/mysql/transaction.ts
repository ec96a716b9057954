import type { Pool, PoolConnection } from "mysql2/promise";
import { knownToBeOpen } from "../../handles/mysql2.ts";
import { orAbort } from "../../or-abort.ts";
import { databaseError, isConnectionLost } from "./database-errors.ts";
import { mysqlErrors } from "./mysql-errors.ts";

/**
 * Runs `work` in a transaction on a connection of the pool. What it throws reaches the caller as it is; an aborted signal ends the
 * connection, so that work which goes on cannot write into whatever comes next on it.
 */
export async function inTransaction<T>(
  pool: Pool,
  store: string,
  work: (tx: PoolConnection) => T | Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  signal?.throwIfAborted();
  const connection = await begin(pool, store);
  const noLongerOpen = knownToBeOpen(connection);
  let isSpent = false;
  try {
    const result = await orAbort((async () => work(connection))(), signal, () => {
      isSpent = true;
    });
    await commit(connection, store);
    return result;
  } catch (error) {
    isSpent ||= isConnectionLost(error);
    if (!isSpent) {
      await connection.rollback().catch(() => {
        isSpent = true;
      });
    }
    throw error;
  } finally {
    noLongerOpen();
    if (isSpent) connection.destroy();
    else connection.release();
  }
}

async function begin(pool: Pool, store: string): Promise<PoolConnection> {
  let connection: PoolConnection;
  try {
    connection = await pool.getConnection();
  } catch (error) {
    throw databaseError(error, store);
  }
  try {
    await connection.beginTransaction();
    return connection;
  } catch (error) {
    connection.destroy();
    throw databaseError(error, store);
  }
}

async function commit(connection: PoolConnection, store: string): Promise<void> {
  try {
    await connection.commit();
  } catch (error) {
    if (isConnectionLost(error)) throw mysqlErrors.WB_MYSQL_COMMIT_UNKNOWN({ store }, error);
    throw databaseError(error, store);
  }
}
