import { outboxErrors } from "../outbox-errors.ts";
import { has, type Recognise, type SqlValue } from "./sql-handle.ts";

/** A connection of `mysql2` with a transaction open, of its promise or its callback API. A pool is none. */
export interface Mysql2Tx {
  beginTransaction(...args: never[]): unknown;
  execute(...args: never[]): unknown;
  readonly getConnection?: never;
}

/** What both APIs come down to. */
export interface Mysql2Connection {
  execute(sql: string, params: readonly SqlValue[]): Promise<[Mysql2Result, unknown]>;
  query(sql: string): Promise<[Mysql2Result, unknown]>;
}

interface Mysql2Result {
  readonly affectedRows: number;
  readonly serverStatus: number;
}

/** Flags of the MySQL protocol that come with every answer. */
const IN_TRANSACTION = 1;
const AUTOCOMMIT = 2;

/** Connections whose transaction a store opened itself and watches over: they need not be asked. */
const known = new WeakSet<object>();

/** Marks a connection as one with a transaction open until the answered function is called. */
export function knownToBeOpen(connection: object): () => void {
  known.add(connection);
  return () => void known.delete(connection);
}

/**
 * `mysql2`: no variable tells of an open transaction on all servers, but each answer carries it as a flag. One empty statement asks for
 * it, before ours could commit by itself.
 */
export const recogniseMysql2: Recognise = (tx, dialect) => {
  if (dialect !== "mysql") return undefined;
  if (isMysql2Pool(tx)) throw outboxErrors.WB_OUTBOX_NO_TRANSACTION({ handle: "a pool of mysql2" });
  if (!has(tx, "beginTransaction") || !has(tx, "execute")) return undefined;
  const connection = (has(tx, "promise") ? tx.promise() : tx) as Mysql2Connection;
  return {
    async execute(sql, params) {
      if (!known.has(tx)) await assertOpen(connection);
      const [result] = await connection.execute(sql, params);
      return result.affectedRows;
    },
  };
};

export function isMysql2Pool(value: object): boolean {
  return has(value, "getConnection");
}

async function assertOpen(connection: Mysql2Connection): Promise<void> {
  const [{ serverStatus }] = await connection.query("DO 0");
  const commitsByItself = (serverStatus & AUTOCOMMIT) !== 0;
  if (commitsByItself && (serverStatus & IN_TRANSACTION) === 0) {
    throw outboxErrors.WB_OUTBOX_NO_TRANSACTION({ handle: "a connection of mysql2 outside a transaction" });
  }
}
