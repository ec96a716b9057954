import { outboxErrors } from "../outbox-errors.ts";
import { has, type Recognise, type SqlHandle, type SqlValue } from "./sql-handle.ts";

/** A `Client` or `PoolClient` of `pg` on which `BEGIN` has been run. A `Pool` is none: each of its queries may run on another connection. */
export interface PgTx {
  query(text: string, values: never): unknown;
  readonly connect?: unknown;
  readonly totalCount?: never;
}

interface PgClient {
  query(query: {
    readonly text: string;
    readonly values: readonly SqlValue[];
    readonly name?: string;
  }): Promise<{ rowCount: number | null }>;
  /** `I` idle, `T` in a transaction, `E` in one that has failed; kept by pg from what the server says after each query. */
  getTransactionStatus(): string | null;
}

/** `pg`: its client knows from the server whether a transaction is open, so that asking costs nothing. */
export const recognisePg: Recognise = (tx, dialect) => {
  if (dialect !== "postgres" || !has(tx, "query")) return undefined;
  if (isPgPool(tx)) throw outboxErrors.WB_OUTBOX_NO_TRANSACTION({ handle: "a Pool of pg" });
  if (!has(tx, "getTransactionStatus")) return undefined;
  const client = tx as unknown as PgClient;
  const status = client.getTransactionStatus();
  if (status !== "T" && status !== "E") {
    throw outboxErrors.WB_OUTBOX_NO_TRANSACTION({ handle: "a client of pg outside a transaction" });
  }
  return pgHandle(client);
};

export function isPgPool(value: object): boolean {
  return "totalCount" in value && "idleCount" in value;
}

function pgHandle(client: Pick<PgClient, "query">): SqlHandle {
  return {
    async execute(text, values, name) {
      return (await client.query(name === undefined ? { text, values } : { text, values, name })).rowCount ?? 0;
    },
  };
}
