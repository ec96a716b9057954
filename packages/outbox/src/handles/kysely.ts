import { outboxErrors } from "../outbox-errors.ts";
import { has, type Recognise, type SqlValue } from "./sql-handle.ts";

/** The `Transaction` of Kysely: what `db.transaction().execute(async (trx) => …)` hands on, or `startTransaction()` answers. */
export interface KyselyTx {
  readonly isTransaction: true;
  executeQuery(query: never): Promise<unknown>;
}

interface KyselyTransaction {
  readonly isTransaction: boolean;
  executeQuery(query: CompiledQuery): Promise<{ readonly numAffectedRows?: bigint; readonly rows: readonly unknown[] }>;
}

/** A compiled query of Kysely, as its own `CompiledQuery.raw` makes it. */
interface CompiledQuery {
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
  readonly query: {
    readonly kind: "RawNode";
    readonly sqlFragments: readonly string[];
    readonly parameters: readonly [];
  };
  readonly queryId: { readonly queryId: string };
}

let queries = 0;

/** Kysely: a compiled query goes past its plugins, which might rename our columns. */
export const recogniseKysely: Recognise = (tx) => {
  if (!has(tx, "executeQuery") || !has(tx, "getExecutor") || !("isTransaction" in tx)) return undefined;
  const transaction = tx as unknown as KyselyTransaction;
  if (!transaction.isTransaction) throw outboxErrors.WB_OUTBOX_NO_TRANSACTION({ handle: "a Kysely instance" });
  return {
    async execute(sql, params) {
      const result = await transaction.executeQuery({
        sql,
        parameters: params,
        query: { kind: "RawNode", sqlFragments: [sql], parameters: [] },
        queryId: { queryId: `waybill-${queries++}` },
      });
      return Number(result.numAffectedRows ?? 0);
    },
  };
};
