import { defineErrors } from "@waybill/core/spi";

const table = {
  WB_MYSQL_CONNECTION: {
    sentence: (p: { store: string; problem: string }) => `The connection to ${p.store} is not there: ${p.problem}.`,
    hint: "Check that the server runs and takes connections from here. What was not committed is undone; a relay goes on by itself once it answers.",
  },
  WB_MYSQL_COMMIT_UNKNOWN: {
    sentence: (p: { store: string }) =>
      `The connection to ${p.store} was lost while a transaction was being committed: it may be committed or not.`,
    hint: "Look for what it wrote before doing it again, or make doing it twice harmless.",
  },
  WB_MYSQL_REFUSED: {
    sentence: (p: { store: string; problem: string }) => `${p.store} refuses this user: ${p.problem}.`,
    hint: "Check user, password and database of the URL. It needs SELECT, INSERT, UPDATE, DELETE; migrations also CREATE, and the inbox's retention ALTER, DROP and LOCK TABLES.",
  },
  WB_MYSQL_SCHEMA_NEWER: {
    sentence: (p: { store: string; found: number; known: number }) =>
      `${p.store} has schema version ${p.found}; this version of Waybill knows ${p.known}.`,
    hint: "Upgrade @waybill/outbox in every process that uses this database, or give this process another one.",
  },
  WB_MYSQL_SCHEMA_OLDER: {
    sentence: (p: { store: string; found: number; wanted: number }) =>
      `${p.store} has schema version ${p.found}; this version of Waybill needs ${p.wanted}.`,
    hint: "Run `waybill outbox migrate`, or apply what `waybill outbox sql` prints; or let the store do it (migrate: true).",
  },
  WB_MYSQL_TABLE_MISSING: {
    sentence: (p: { store: string; problem: string }) => `A table or column of ${p.store} is not there: ${p.problem}.`,
    hint: "Restore it, or make it again with its statements in what `waybill outbox sql` prints. Events of a dropped table are gone; the relay goes on by itself once it is back.",
  },
  WB_MYSQL_TABLE_TAKEN: {
    sentence: (p: { store: string; table: string }) =>
      `${p.store} already has a table ${p.table} that is not Waybill's.`,
    hint: "Rename that table, or give Waybill a database of its own.",
  },
  WB_MYSQL_DISK: {
    sentence: (p: { store: string; problem: string }) => `${p.store} has no room: ${p.problem}.`,
    hint: "Free space on the server; what was not committed is undone and can be tried again.",
  },
  WB_MYSQL_READ_ONLY: {
    sentence: (p: { store: string; problem: string }) => `${p.store} takes no writes: ${p.problem}.`,
    hint: "Connect to the primary server, or lift read_only.",
  },
  WB_MYSQL_LOCKED: {
    sentence: (p: { store: string; problem: string }) =>
      `Another transaction on ${p.store} was in the way: ${p.problem}.`,
    hint: "Try again. If it happens often, keep transactions short and change rows in the same order everywhere.",
  },
  WB_MYSQL_PACKET: {
    sentence: (p: { store: string; problem: string }) =>
      `${p.store} does not take a packet of this size: ${p.problem}.`,
    hint: "Raise max_allowed_packet on the server, or keep large data elsewhere and publish a reference to it.",
  },
};

/** Every error that the MySQL store raises beside those of all stores. */
export const mysqlErrors: ReturnType<typeof defineErrors<typeof table>> = defineErrors(table);
