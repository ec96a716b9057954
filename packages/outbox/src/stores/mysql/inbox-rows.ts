import type { InboxKey } from "@waybill/core";
import { joinTransaction, type MysqlTx } from "../../handles/join-transaction.ts";
import { changedRows } from "../../inbox/changed-rows.ts";
import { inboxId } from "../../inbox/inbox-id.ts";
import { outboxErrors } from "../../outbox-errors.ts";
import type { InboxRows } from "../../store.ts";
import { databaseError, isLockTimeout } from "./database-errors.ts";
import { pruneInbox } from "./inbox-partitions.ts";
import type { Rows, Session } from "./session.ts";
import { statementSize } from "./statement-size.ts";

export function mysqlInboxRows<Tx>(store: { name: string; session: () => Promise<Session> }): InboxRows<Tx> {
  return {
    asksFirst: false,

    async known(keys) {
      if (keys.length === 0) return [];
      const session = await store.session();
      const ids = keys.map((key) => inboxId(key));
      const rows = await session.query<Rows<{ id: Buffer }>>("SELECT id FROM inbox WHERE id IN (?)", [ids]);
      const found = new Set(rows.map(({ id }) => id.toString("hex")));
      return ids.map((id) => found.has(id.toString("hex")));
    },

    add: (tx, key) => addAll(store.name, tx as MysqlTx, [key]),
    addAll: (tx, keys) => addAll(store.name, tx as MysqlTx, keys),

    async prune(olderThanMs) {
      return pruneInbox(await store.session(), Date.now(), Date.now() - olderThanMs);
    },
  };
}

/**
 * True when all are new. IGNORE would also pass over a row that could not be written for another reason: its event would count as a
 * duplicate.
 */
async function addAll(store: string, tx: MysqlTx, keys: readonly InboxKey[]): Promise<boolean> {
  const handle = joinTransaction(tx, "mysql");
  const nowMs = Date.now();
  try {
    for (let from = 0; from < keys.length; ) {
      const chunk = keys.slice(from, from + statementSize(keys.length - from));
      // A row that was there counts twice, since it is changed.
      const added = await changedRows(
        handle,
        `INSERT INTO inbox (id, seen_at) VALUES ${chunk.map(() => "(?, ?)").join(", ")} ON DUPLICATE KEY UPDATE seen_at = seen_at + 1`,
        chunk.flatMap((key) => [inboxId(key), nowMs]),
      );
      if (added !== chunk.length) return false;
      from += chunk.length;
    }
    return true;
  } catch (error) {
    if (isLockTimeout(error)) throw outboxErrors.WB_INBOX_BUSY({}, error);
    throw databaseError(error, store);
  }
}
