import { defineErrors } from "@waybill/core/spi";

const table = {
  WB_POSTGRES_CONNECTION: {
    sentence: (p: { store: string; problem: string }) => `The connection to ${p.store} is not there: ${p.problem}.`,
    hint: "Check that the server runs and takes connections from here. What was not committed is undone; a relay goes on by itself once it answers.",
  },
  WB_POSTGRES_COMMIT_UNKNOWN: {
    sentence: (p: { store: string }) =>
      `The connection to ${p.store} was lost while a transaction was being committed: it may be committed or not.`,
    hint: "Look for what it wrote before doing it again, or make doing it twice harmless.",
  },
  WB_POSTGRES_ROLLED_BACK: {
    sentence: (p: { store: string }) =>
      `The transaction on ${p.store} was rolled back at its commit: one of its statements had failed and nobody was told.`,
    hint: "Let the error of a failed statement reach outbox.transaction, or wrap that statement in a SAVEPOINT.",
  },
  WB_POSTGRES_SCHEMA_OLDER: {
    sentence: (p: { store: string; found: number; wanted: number }) =>
      `${p.store} has schema version ${p.found}; this version of Waybill needs ${p.wanted}.`,
    hint: "Run `waybill outbox migrate`, or apply what `waybill outbox sql` prints; or let the store do it (migrate: true).",
  },
  WB_POSTGRES_SCHEMA_NEWER: {
    sentence: (p: { store: string; found: number; known: number }) =>
      `${p.store} has schema version ${p.found}; this version of Waybill knows ${p.known}.`,
    hint: "Upgrade @waybill/outbox in every process that uses this database, or give this process another schema.",
  },
  WB_POSTGRES_TABLE_MISSING: {
    sentence: (p: { store: string; problem: string }) => `A table or column of ${p.store} is not there: ${p.problem}.`,
    hint: "Restore it, or make it again with its statements in what `waybill outbox sql` prints. Events of a dropped table are gone; the relay goes on by itself once it is back.",
  },
  WB_POSTGRES_TABLE_TAKEN: {
    sentence: (p: { store: string; problem: string }) =>
      `${p.store} cannot be made: a table of that name is there that is not Waybill's (${p.problem}).`,
    hint: "Rename that table, or give the store another schema.",
  },
  WB_POSTGRES_PERMISSION: {
    sentence: (p: { store: string; problem: string }) => `This user may not do what ${p.store} needs: ${p.problem}.`,
    hint: "docs/guide/outbox.md has the GRANT statements of a service and of a relay; migrations need CREATE on the schema, or on the database where there is none.",
  },
  WB_POSTGRES_PUBLICATION: {
    sentence: (p: { store: string; publication: string }) =>
      `The publication ${p.publication} does not publish inserts into ${p.store}: its relays read the table instead of the write-ahead log.`,
    hint: "Drop the publication, and a relay makes it anew; or add the table outbox to it with ALTER PUBLICATION, all of its columns and rows. Nothing is lost meanwhile, only later.",
  },
  WB_POSTGRES_DISK: {
    sentence: (p: { store: string; problem: string }) => `The disk of ${p.store} is full: ${p.problem}.`,
    hint: "Free space on the server; what was not committed is undone. Look for a replication slot that nobody reads: SELECT * FROM pg_replication_slots.",
  },
  WB_POSTGRES_READ_ONLY: {
    sentence: (p: { store: string; problem: string }) => `${p.store} takes no writes: ${p.problem}.`,
    hint: "Connect to the primary server, lift default_transaction_read_only, or publish in a transaction that is not READ ONLY.",
  },
  WB_POSTGRES_REPLICATION: {
    sentence: (p: { store: string; problem: string }) =>
      `The server gives no stream of its write-ahead log for ${p.store}: ${p.problem}.`,
    hint: "It needs wal_level = logical, a free slot (max_replication_slots, max_wal_senders) and a user with REPLICATION. Until then the relay reads the table, with the same guarantees.",
  },
  WB_POSTGRES_SEQUENCE_CACHE: {
    sentence: (p: { store: string; cache: number }) =>
      `The sequence of ${p.store} hands out ${p.cache} positions to a connection at once, so positions do not follow the order of commits.`,
    hint: "ALTER SEQUENCE … CACHE 1 on the outbox table's sequence (outbox_pos_seq).",
  },
};

/** Every error that the PostgreSQL store raises beside those of all stores. */
export const postgresErrors: ReturnType<typeof defineErrors<typeof table>> = defineErrors(table);
