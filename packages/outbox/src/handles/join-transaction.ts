import { outboxErrors } from "../outbox-errors.ts";
import { type DrizzleTx, recogniseDrizzle } from "./drizzle.ts";
import { type KnexTx, recogniseKnex } from "./knex.ts";
import { type KyselyTx, recogniseKysely } from "./kysely.ts";
import { type Mysql2Tx, recogniseMysql2 } from "./mysql2.ts";
import { hasEnded } from "./open-transaction.ts";
import { type PgTx, recognisePg } from "./pg.ts";
import { type PrismaTx, recognisePrisma } from "./prisma.ts";
import type { Dialect, SqlHandle } from "./sql-handle.ts";

/** Whatever an application on PostgreSQL writes its transaction with. */
export type PostgresTx = PgTx | KyselyTx | KnexTx | DrizzleTx | PrismaTx;
/** Whatever an application on MySQL or MariaDB writes its transaction with. */
export type MysqlTx = Mysql2Tx | KyselyTx | KnexTx | DrizzleTx | PrismaTx;

/** The drivers last: what wraps them may have methods of the same names. */
const LIBRARIES = [
  recognisePrisma,
  recogniseKysely,
  recogniseKnex,
  recogniseDrizzle,
  recognisePg,
  recogniseMysql2,
] as const;

/**
 * The caller's own transaction as a handle for our statements. Throws WB_OUTBOX_NO_TRANSACTION for a pool, an instance or a connection
 * outside a transaction, on which the event would commit by itself; WB_OUTBOX_HANDLE for what is of no library that we know.
 */
export function joinTransaction(tx: unknown, dialect: Dialect): SqlHandle {
  if ((typeof tx === "object" && tx !== null) || typeof tx === "function") {
    if (hasEnded(tx)) throw outboxErrors.WB_OUTBOX_NO_TRANSACTION({ handle: "that of a transaction which has ended" });
    for (const recognise of LIBRARIES) {
      const handle = recognise(tx, dialect);
      if (handle !== undefined) return handle;
    }
  }
  const driver = dialect === "postgres" ? "pg" : "mysql2";
  throw outboxErrors.WB_OUTBOX_HANDLE({
    problem: `it is no transaction of ${driver}, Kysely, Drizzle, Knex or Prisma on ${dialect === "postgres" ? "PostgreSQL" : "MySQL"}`,
  });
}
