import { outboxErrors } from "../outbox-errors.ts";
import { has, type Recognise, type SqlValue } from "./sql-handle.ts";

/** The transaction of Knex: what `knex.transaction(async (trx) => …)` hands on, or answers without a callback. */
export interface KnexTx {
  isCompleted(): boolean;
  raw(sql: string, bindings: never): unknown;
}

interface KnexTransaction extends KnexTx {
  readonly isTransaction?: boolean;
  readonly client: { readonly dialect?: string };
  raw(sql: string, bindings: readonly SqlValue[]): Promise<unknown>;
}

const DIALECTS = { postgres: "postgresql", mysql: "mysql" } as const;

/** Knex: marks every parameter with `?`, and answers with what the driver answered. */
export const recogniseKnex: Recognise = (tx, dialect) => {
  if (!has(tx, "raw") || !has(tx, "transaction") || !("client" in tx)) return undefined;
  const knex = tx as unknown as KnexTransaction;
  if (knex.isTransaction !== true) throw outboxErrors.WB_OUTBOX_NO_TRANSACTION({ handle: "a knex instance" });
  if (knex.isCompleted())
    throw outboxErrors.WB_OUTBOX_NO_TRANSACTION({ handle: "a transaction of Knex that has ended" });
  if (knex.client.dialect !== DIALECTS[dialect]) {
    throw outboxErrors.WB_OUTBOX_HANDLE({ problem: `its Knex speaks ${knex.client.dialect}, the store ${dialect}` });
  }
  return {
    async execute(sql, params) {
      const answer = await knex.raw(sql.replace(/\$\d+/g, "?"), params);
      // What a postProcessResponse of the application's has made of it.
      return dialect === "postgres"
        ? (answer as { rowCount?: number } | undefined)?.rowCount
        : (answer as [{ affectedRows?: number }?] | undefined)?.[0]?.affectedRows;
    },
  };
};
