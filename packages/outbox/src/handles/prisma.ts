import { outboxErrors } from "../outbox-errors.ts";
import { has, type Recognise, type SqlValue } from "./sql-handle.ts";

/** The client of a Prisma transaction: what `prisma.$transaction(async (tx) => …)` hands on. `PrismaClient` itself has `$connect` and is none. */
export interface PrismaTx {
  $executeRawUnsafe(sql: string, ...params: never[]): PromiseLike<number>;
  readonly $connect?: never;
}

/** Prisma: its raw call, which takes the parameters apart from the text and hands both to the driver adapter. */
export const recognisePrisma: Recognise = (tx) => {
  if (!has(tx, "$executeRawUnsafe")) return undefined;
  if (has(tx, "$connect")) throw outboxErrors.WB_OUTBOX_NO_TRANSACTION({ handle: "PrismaClient itself" });
  const client = tx as unknown as { $executeRawUnsafe(sql: string, ...params: SqlValue[]): PromiseLike<number> };
  return {
    // Prisma sends a query only once somebody waits for it.
    execute: async (sql, params) => client.$executeRawUnsafe(sql, ...params),
  };
};
