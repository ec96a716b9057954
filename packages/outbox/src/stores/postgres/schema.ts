import { BUCKETS } from "../../store.ts";
import type { Tables } from "./tables.ts";

/** Days of the inbox's ring, and so how long it can be kept without deleting row by row; one more holds ids without a time. See `inbox-rows.ts`. */
export const INBOX_SLOTS = 32;

/**
 * The numbered migrations; position 0 leads to version 1. Never change one that has been released: add the next.
 *
 * Rows of `outbox` are only inserted and deleted. `xid` stands before `pos`, since defaults are evaluated in the order of columns: a row's
 * transaction has its id before the row has its position. CACHE 1 makes positions rise with the order of inserts across connections.
 * Positions begin at a number made of the time: a relay may still hold, or have parked, positions of a table that was dropped, and must not
 * take a row of the one made after it for one of those.
 * Keys are indexed by their hash: an index entry holds at most 2 704 bytes, a key may be longer.
 */
const MIGRATIONS: readonly ((t: Tables) => string)[] = [
  (t) => `CREATE TABLE ${t.outbox} (
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  pos bigint GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME ${t.sequence} CACHE 1) PRIMARY KEY,
  bucket smallint NOT NULL, topic text NOT NULL, key text, event text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0,
        autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 2000000000);
SELECT setval('${t.sequence.replaceAll("'", "''")}', (extract(epoch FROM clock_timestamp()) * 10000)::bigint);
CREATE INDEX outbox_xid ON ${t.outbox} (xid);
CREATE TABLE ${t.scheduled} (
  pos bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, due_at timestamptz NOT NULL,
  bucket smallint NOT NULL, topic text NOT NULL, key text, event text NOT NULL
);
CREATE INDEX outbox_scheduled_due ON ${t.scheduled} (due_at, pos);
CREATE TABLE ${t.retry} (
  pos bigint PRIMARY KEY, bucket smallint NOT NULL, topic text NOT NULL, key text, event text NOT NULL,
  attempts int NOT NULL, next_at timestamptz, last_error text
);
CREATE INDEX outbox_retry_due ON ${t.retry} (next_at, pos) WHERE next_at IS NOT NULL;
CREATE INDEX outbox_retry_key ON ${t.retry} (topic, hashtextextended(key, 0), pos) WHERE key IS NOT NULL;
CREATE INDEX outbox_retry_key_due ON ${t.retry} (topic, hashtextextended(key, 0)) WHERE key IS NOT NULL AND next_at IS NOT NULL;
CREATE TABLE ${t.dead} (
  pos bigint PRIMARY KEY, bucket smallint NOT NULL, topic text NOT NULL, key text, event text NOT NULL,
  attempts int NOT NULL, reason text NOT NULL, error text NOT NULL, dead_at timestamptz NOT NULL, halts boolean NOT NULL
);
CREATE INDEX outbox_dead_halts ON ${t.dead} (topic, hashtextextended(key, 0)) WHERE halts;
CREATE TABLE ${t.sent} (
  pos bigint NOT NULL, topic text NOT NULL, key text, event text NOT NULL, sent_at timestamptz NOT NULL
) PARTITION BY RANGE (sent_at);
CREATE TABLE ${t.schema}.outbox_sent_default PARTITION OF ${t.sent} DEFAULT;
CREATE TABLE ${t.lease} (
  bucket smallint PRIMARY KEY, owner text, epoch bigint NOT NULL DEFAULT 0, until timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);
INSERT INTO ${t.lease} (bucket) SELECT generate_series(0, ${BUCKETS - 1});
CREATE TABLE ${t.relay} (owner text PRIMARY KEY, until timestamptz NOT NULL) WITH (fillfactor = 50);
CREATE TABLE ${t.inbox} (
  key bytea NOT NULL, slot smallint NOT NULL, seen_at timestamptz NOT NULL, PRIMARY KEY (key, slot)
) PARTITION BY LIST (slot);
${Array.from({ length: INBOX_SLOTS + 1 }, (_, slot) => `CREATE TABLE ${t.schema}.inbox_${slot} PARTITION OF ${t.inbox} FOR VALUES IN (${slot});`).join("\n")}`,
];

export const SCHEMA_VERSION: number = MIGRATIONS.length;

/** The statements of one migration and the record of it. */
export function migration(tables: Tables, version: number): string {
  return `${MIGRATIONS[version - 1]!(tables)}\nINSERT INTO ${tables.version} (version) VALUES (${version});`;
}

/** What stands before the first migration. */
export function foundation(tables: Tables): string {
  return `CREATE SCHEMA IF NOT EXISTS ${tables.schema};\n${versionTable(tables)}`;
}

export function versionTable(tables: Tables): string {
  return `CREATE TABLE IF NOT EXISTS ${tables.version} (version int PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());`;
}
