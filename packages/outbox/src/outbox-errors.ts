import { counted, defineErrors } from "@waybill/core/spi";

const table = {
  WB_STORE_PATH: {
    sentence: (p: { path: string; problem: string }) =>
      `The store ${JSON.stringify(p.path)} cannot be opened: ${p.problem}.`,
    hint: "Give the path of a file in a folder on a local disk that this process may write: SQLite keeps two more files beside it.",
  },
  WB_STORE_NOT_A_DATABASE: {
    sentence: (p: { path: string }) => `The file ${JSON.stringify(p.path)} is not a SQLite database, or it is damaged.`,
    hint: "Give another path. If it was a database before, restore it from a backup; nothing was changed in it.",
  },
  WB_STORE_READ_ONLY: {
    sentence: (p: { path: string }) => `The store ${JSON.stringify(p.path)} cannot be written.`,
    hint: "Give this user write permission on the file and on its folder, and check that the disk is not mounted read-only.",
  },
  WB_STORE_DISK: {
    sentence: (p: { path: string; problem: string }) =>
      `The disk of the store ${JSON.stringify(p.path)} does not do its part: ${p.problem}.`,
    hint: "Free space or mend the disk; what was not committed is undone and can be tried again.",
  },
  WB_STORE_FILE_GONE: {
    sentence: (p: { path: string }) =>
      `The file of the store ${JSON.stringify(p.path)} was removed or replaced while it was in use.`,
    hint: "Put the same file back, with its -wal file, by moving it; or restart every process that uses it. Nothing is written meanwhile.",
  },
  WB_STORE_SCHEMA_NEWER: {
    sentence: (p: { path: string; found: number; known: number }) =>
      `The store ${JSON.stringify(p.path)} has schema version ${p.found}; this version of Waybill knows ${p.known}.`,
    hint: "Upgrade @waybill/outbox in every process that uses this store, or give this process another file.",
  },
  WB_STORE_SCHEMA_FROM: {
    sentence: (p: { from: number; newest: number }) =>
      `No migration leads on from version ${p.from} of the outbox's tables: it must be a whole number from 0 to ${p.newest}, the newest that this version of Waybill knows.`,
    hint: "Give the version that is there, which `waybill outbox status` says; 0, the default, is a place without tables.",
  },
  WB_STORE_TABLE_TAKEN: {
    sentence: (p: { path: string; table: string }) =>
      `The database ${JSON.stringify(p.path)} already has a table ${p.table} that is not Waybill's.`,
    hint: "Rename that table, or give the store another file.",
  },
  WB_STORE_TABLE_MISSING: {
    sentence: (p: { path: string; problem: string }) =>
      `A table or column of the store ${JSON.stringify(p.path)} is not there: ${p.problem}.`,
    hint: "Restore it from a backup. Events of a dropped table are gone; the relay goes on by itself once it is back.",
  },
  WB_STORE_BUSY: {
    sentence: (p: { path: string; waitedMs: number }) =>
      `Another process kept the store ${JSON.stringify(p.path)} locked for writing for ${p.waitedMs} ms.`,
    hint: "Keep transactions short: await nothing slow while one is open. Raise busyTimeoutMs if the wait is expected.",
  },
  WB_STORE_NESTED: {
    sentence: (p: { path: string }) =>
      `A transaction on ${JSON.stringify(p.path)} was asked for inside another one, which it would wait for without end.`,
    hint: "Use the transaction handle that is already open: the tx of outbox.transaction, or ctx.tx of the inbox.",
  },
  WB_STORE_TRANSACTION_ENDED: {
    sentence: (p: { path: string }) =>
      `The transaction on ${JSON.stringify(p.path)} was ended or its connection closed by the code that was given it.`,
    hint: "Leave BEGIN, COMMIT, ROLLBACK and close() to Waybill; throw to roll back, and use SAVEPOINT for parts.",
  },
  WB_STORE_CLOSED: {
    sentence: (p: { path: string }) => `The store ${JSON.stringify(p.path)} is closed.`,
    hint: "Open a new one; a closed one takes nothing more.",
  },
  WB_OUTBOX_NO_TRANSACTION: {
    sentence: (p: { handle: string }) =>
      `The handle given to the outbox is ${p.handle}: it has no transaction open, so the event could be lost or published without its cause.`,
    hint: "Give what your library hands to its transaction callback, or the connection on which BEGIN has been awaited; or use outbox.transaction(async (tx) => …).",
  },
  WB_OUTBOX_HANDLE: {
    sentence: (p: { problem: string }) => `The handle given to the outbox cannot be used: ${p.problem}.`,
    hint: "Give the handle that holds your transaction on the store's own database; docs/guide/transactions.md shows it for each library.",
  },
  WB_OUTBOX_OPTION: {
    sentence: (p: { option: string; problem: string }) => `The option ${p.option} ${p.problem}.`,
    hint: "See the docstring of the option for its unit, range and default.",
  },
  WB_OUTBOX_EVENT: {
    sentence: (p: { type: string; problem: string }) =>
      `The event ${p.type} cannot be written to the outbox: ${p.problem}.`,
    hint: "Correct the event; nothing of this call was written. Data must be JSON, text or a Uint8Array.",
  },
  WB_OUTBOX_ROW: {
    sentence: (p: { problem: string }) => `A row of the outbox holds no event: ${p.problem}.`,
    hint: "Whoever writes rows without outbox.publish must write a CloudEvent in the JSON format. Mend that program, then discard the event.",
  },
  WB_RELAY_LEASE_LOST: {
    sentence: (p: { owner: string }) => `The relay ${p.owner} no longer holds the lease of its outbox.`,
    hint: "Another relay has taken over; this one stands by. If it happens often, raise leaseMs or look for a blocked event loop.",
  },
  WB_RELAY_DRAIN_DEADLINE: {
    sentence: (p: { inFlight: number; deadlineMs: number }) =>
      `${counted(p.inFlight, "event")} had no answer from the broker when the drain's ${p.deadlineMs} ms were over.`,
    hint: "They stay in the outbox and will be published again with the same id. Check the broker's health.",
  },
  WB_INBOX_BUSY: {
    sentence: () => "Another transaction has this event in hand and does not come to its end.",
    hint: "The event is delivered again later. Keep handlers shorter than the database's lock timeout.",
  },
  WB_INBOX_CLAIM_LOST: {
    sentence: () => "The claim on this event ran out while it was being processed; another consumer may have it now.",
    hint: "The event is delivered again. Look for a blocked event loop or an unreachable Redis, or raise leaseMs.",
  },
  WB_INBOX_FULL: {
    sentence: (p: { entries: number }) => `The inbox in memory already holds ${counted(p.entries, "event")} in work.`,
    hint: "Raise maxEntries, lower the concurrency, or use an inbox with a database.",
  },
};

/** Every error that the outbox, its relay, its inbox and its stores raise. */
export const outboxErrors: ReturnType<typeof defineErrors<typeof table>> = defineErrors(table);
