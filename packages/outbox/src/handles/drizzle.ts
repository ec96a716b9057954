import { outboxErrors } from "../outbox-errors.ts";
import { isMysql2Pool, recogniseMysql2 } from "./mysql2.ts";
import { isPgPool, recognisePg } from "./pg.ts";
import { has, type Recognise } from "./sql-handle.ts";

/** The transaction of Drizzle over `pg` or `mysql2`: what `db.transaction(async (tx) => …)` hands on. */
export interface DrizzleTx {
  rollback(): never;
  execute(query: never): unknown;
  transaction(...args: never[]): unknown;
}

/** Drizzle: its session holds the driver's own connection, which is asked whether the transaction is open. */
export const recogniseDrizzle: Recognise = (tx, dialect) => {
  if (!has(tx, "transaction") || !has(tx, "execute") || !("session" in tx) || !("dialect" in tx)) return undefined;
  const { client } = tx.session as { client?: object };
  if (client === undefined || isPgPool(client) || isMysql2Pool(client)) {
    throw outboxErrors.WB_OUTBOX_NO_TRANSACTION({ handle: "a Drizzle database" });
  }
  const handle = recognisePg(client, dialect) ?? recogniseMysql2(client, dialect);
  if (handle === undefined) {
    throw outboxErrors.WB_OUTBOX_HANDLE({
      problem: `its Drizzle does not run over ${dialect === "postgres" ? "node-postgres" : "mysql2"}`,
    });
  }
  return handle;
};
