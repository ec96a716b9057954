import { orAbort } from "@waybill/core/spi";
import type { Pool, PoolConnection, ResultSetHeader } from "mysql2/promise";
import { knownToBeOpen } from "../../handles/mysql2.ts";
import { databaseError, isConnectionLost } from "./database-errors.ts";
import { mysqlErrors } from "./mysql-errors.ts";

/** A flag of the MySQL protocol that comes with every answer. */
const AUTOCOMMIT = 2;

/** Connections of which each transaction begins with its first statement: no message to the server is spent on that. */
const beginning = new WeakSet<object>();

/**
 * Runs `work` in a transaction on a connection of the pool, which must be used for nothing else. What it throws reaches the caller as it is; an
 * aborted signal ends the connection, so that work which goes on cannot write into whatever comes next on it.
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
    isSpent = !(await commit(connection, store));
    return result;
  } catch (error) {
    isSpent ||= isConnectionLost(error);
    if (!isSpent) {
      isSpent = !(await end(connection, "ROLLBACK").catch(() => false));
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
  const { connection: one } = connection as unknown as { connection: object };
  if (beginning.has(one)) return connection;
  try {
    await connection.query("SET autocommit = 0");
    beginning.add(one);
    return connection;
  } catch (error) {
    connection.destroy();
    throw databaseError(error, store);
  }
}

async function commit(connection: PoolConnection, store: string): Promise<boolean> {
  try {
    return await end(connection, "COMMIT");
  } catch (error) {
    if (isConnectionLost(error)) throw mysqlErrors.WB_MYSQL_COMMIT_UNKNOWN({ store }, error);
    throw databaseError(error, store);
  }
}

/** False where the work has turned autocommit on: the next transaction on the connection would not begin by itself. */
async function end(connection: PoolConnection, how: "COMMIT" | "ROLLBACK"): Promise<boolean> {
  const [{ serverStatus }] = await connection.query<ResultSetHeader>(how);
  return (serverStatus & AUTOCOMMIT) === 0;
}
