import type { InboxKey } from "@waybill/core";
import { joinTransaction, type MysqlTx } from "../../handles/join-transaction.ts";
import { outboxErrors } from "../../outbox-errors.ts";
import type { InboxRows } from "../../store.ts";
import { isLockTimeout } from "./database-errors.ts";
import { inboxId } from "./inbox-id.ts";
import { pruneInbox } from "./inbox-partitions.ts";
import type { Rows, Session } from "./session.ts";

export function mysqlInboxRows<Tx>(store: { name: string; session: () => Promise<Session> }): InboxRows<Tx> {
  return {
    async has(key) {
      const session = await store.session();
      const found = await session.query<Rows<{ one: number }>>("SELECT 1 AS one FROM inbox WHERE id = ?", [
        inboxId(key),
      ]);
      return found.length > 0;
    },

    async add(tx, key) {
      return (await addAll(tx as MysqlTx, [key])) === 1;
    },

    async prune(olderThanMs) {
      return pruneInbox(await store.session(), Date.now(), Date.now() - olderThanMs);
    },
  };
}

/**
 * Records keys in one statement. Answers their number when all are new, and something else when one was there. IGNORE would also pass over
 * a row that could not be written for another reason: its event would count as a duplicate.
 */
async function addAll(tx: MysqlTx, keys: readonly InboxKey[]): Promise<number> {
  const nowMs = Date.now();
  const tuples = keys.map(() => "(?, ?)").join(", ");
  try {
    // A row that was there counts twice, since it is changed.
    return await joinTransaction(tx, "mysql").execute(
      `INSERT INTO inbox (id, seen_at) VALUES ${tuples} ON DUPLICATE KEY UPDATE seen_at = seen_at + 1`,
      keys.flatMap((key) => [inboxId(key), nowMs]),
    );
  } catch (error) {
    if (isLockTimeout(error)) throw outboxErrors.WB_INBOX_BUSY({}, error);
    throw error;
  }
}
