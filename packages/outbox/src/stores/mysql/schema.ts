import { outboxErrors } from "../../outbox-errors.ts";
import { checkFrom } from "../check-from.ts";
import { mysqlErrors } from "./mysql-errors.ts";
import type { Rows, Session } from "./session.ts";

/**
 * The numbered migrations; position 0 leads to version 1. Never change one that has been released: add the next. MySQL commits each
 * statement that changes tables, so each can be run again after a crash in between.
 *
 * - Rows of `outbox` are only inserted and deleted, and the table is small again and again: statistics taken by chance must not change
 *   how it is read.
 * - Positions begin at a number made of the time: a relay may still hold, or have parked, positions of a table that was dropped, and must
 *   not take a row of the one made after it for one of those.
 * - Keys and events are bytes, so that no connection's character set can change them. `CONVERT(event USING utf8mb4)` shows one.
 * - A key of `inbox` begins with the time in the event's id (a UUID version 7; zero for any other id): unique in the whole table, and
 *   yet old days can be dropped as partitions.
 */
const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE IF NOT EXISTS outbox (
  pos BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, bucket TINYINT UNSIGNED NOT NULL,
  topic VARCHAR(50) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, msg_key MEDIUMBLOB NULL, event LONGBLOB NOT NULL
) ENGINE=InnoDB STATS_PERSISTENT=1 STATS_AUTO_RECALC=0`,
    "SET @waybill = CONCAT('ALTER TABLE outbox AUTO_INCREMENT = ', FLOOR(UNIX_TIMESTAMP(SYSDATE(6)) * 10000))",
    "PREPARE waybill FROM @waybill",
    "EXECUTE waybill",
    "DEALLOCATE PREPARE waybill",
    `CREATE TABLE IF NOT EXISTS outbox_scheduled (
  pos BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, due_at BIGINT NOT NULL, bucket TINYINT UNSIGNED NOT NULL,
  topic VARCHAR(50) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, msg_key MEDIUMBLOB NULL, event LONGBLOB NOT NULL,
  INDEX outbox_scheduled_due (due_at, pos)
) ENGINE=InnoDB`,
    `CREATE TABLE IF NOT EXISTS outbox_retry (
  pos BIGINT UNSIGNED NOT NULL PRIMARY KEY, bucket TINYINT UNSIGNED NOT NULL,
  topic VARCHAR(50) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, msg_key MEDIUMBLOB NULL, key_hash BINARY(20) NULL,
  event LONGBLOB NOT NULL, attempts INT NOT NULL, next_at BIGINT NULL, last_error MEDIUMBLOB NULL,
  INDEX outbox_retry_due (next_at, pos), INDEX outbox_retry_key (key_hash, pos)
) ENGINE=InnoDB`,
    `CREATE TABLE IF NOT EXISTS outbox_dead (
  pos BIGINT UNSIGNED NOT NULL PRIMARY KEY, bucket TINYINT UNSIGNED NOT NULL,
  topic VARCHAR(50) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, msg_key MEDIUMBLOB NULL, key_hash BINARY(20) NULL,
  event LONGBLOB NOT NULL, attempts INT NOT NULL, reason VARCHAR(100) NOT NULL, error MEDIUMBLOB NOT NULL, dead_at BIGINT NOT NULL,
  halts TINYINT NOT NULL, INDEX outbox_dead_halts (halts, key_hash)
) ENGINE=InnoDB`,
    `CREATE TABLE IF NOT EXISTS outbox_sent (
  pos BIGINT UNSIGNED NOT NULL PRIMARY KEY, topic VARCHAR(50) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  msg_key MEDIUMBLOB NULL, event LONGBLOB NOT NULL, sent_at BIGINT NOT NULL, INDEX outbox_sent_at (sent_at)
) ENGINE=InnoDB`,
    `CREATE TABLE IF NOT EXISTS outbox_lease (
  bucket TINYINT UNSIGNED NOT NULL PRIMARY KEY, owner VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  epoch BIGINT NOT NULL, lease_ms BIGINT NOT NULL, until BIGINT NOT NULL
) ENGINE=InnoDB`,
    "INSERT IGNORE INTO outbox_lease VALUES (0, '', 0, 0, 0)",
    `CREATE TABLE IF NOT EXISTS inbox (id BINARY(26) NOT NULL PRIMARY KEY, seen_at BIGINT NOT NULL) ENGINE=InnoDB
PARTITION BY RANGE COLUMNS (id) (
  PARTITION foreign_ids VALUES LESS THAN (x'000000000001'),
  PARTITION later VALUES LESS THAN (MAXVALUE)
)`,
  ],
];

export const SCHEMA_VERSION: number = MIGRATIONS.length;

const VERSION_TABLE =
  "CREATE TABLE IF NOT EXISTS waybill_schema (version INT NOT NULL PRIMARY KEY, at DATETIME NOT NULL) ENGINE=InnoDB";

const OUR_TABLES = [
  "outbox",
  "outbox_scheduled",
  "outbox_retry",
  "outbox_dead",
  "outbox_sent",
  "outbox_lease",
  "inbox",
];

/** How long to wait for another process that is changing the schema. */
const LOCK_S = 60;

/** 0 where nothing of ours is there yet. */
export async function schemaVersion(session: Session): Promise<number> {
  if ((await existing(session, ["waybill_schema"])).length === 0) return 0;
  const [row] = await session.query<Rows<{ version: number | null }>>(
    "SELECT max(version) AS version FROM waybill_schema",
  );
  return row?.version ?? 0;
}

/** Brings the schema up to date. Answers the numbers applied. `store` names it in errors. */
export async function migrate(session: Session, store: string): Promise<readonly number[]> {
  checkNotNewer(await schemaVersion(session), store);
  if ((await schemaVersion(session)) === SCHEMA_VERSION) return [];
  const [lock] = await session.query<Rows<{ got: number | null }>>(
    "SELECT GET_LOCK(CONCAT('waybill ', SHA1(DATABASE())), ?) AS got",
    [LOCK_S],
  );
  if (lock?.got !== 1) throw outboxErrors.WB_STORE_BUSY({ path: store, waitedMs: LOCK_S * 1_000 });
  try {
    const found = await schemaVersion(session);
    checkNotNewer(found, store);
    const taken = (await existing(session, OUR_TABLES)).at(0);
    // Where the version table is there already, an earlier migration of ours was cut short.
    const isNew = (await existing(session, ["waybill_schema"])).length === 0;
    if (isNew && taken !== undefined) throw mysqlErrors.WB_MYSQL_TABLE_TAKEN({ store, table: taken });
    await session.query(VERSION_TABLE);
    const applied: number[] = [];
    for (let version = found + 1; version <= SCHEMA_VERSION; version++) {
      for (const statement of MIGRATIONS[version - 1]!) await session.query(statement);
      await session.query("INSERT INTO waybill_schema VALUES (?, UTC_TIMESTAMP())", [version]);
      applied.push(version);
    }
    return applied;
  } finally {
    await session.query("SELECT RELEASE_LOCK(CONCAT('waybill ', SHA1(DATABASE())))");
  }
}

/** The statements of the migrations after version `from`, as a script. */
export function migrationScript(from: number): string {
  checkFrom(from, SCHEMA_VERSION);
  const steps = MIGRATIONS.slice(from).flatMap((statements, i) => {
    const version = from + i + 1;
    return [
      `-- version ${version}`,
      ...[...statements, `INSERT INTO waybill_schema VALUES (${version}, UTC_TIMESTAMP())`].map((one) => `${one};`),
    ];
  });
  return [...(from === 0 ? [`${VERSION_TABLE};`] : []), ...steps, ""].join("\n");
}

export function checkNotNewer(found: number, store: string): void {
  if (found > SCHEMA_VERSION) throw mysqlErrors.WB_MYSQL_SCHEMA_NEWER({ store, found, known: SCHEMA_VERSION });
}

async function existing(session: Session, tables: readonly string[]): Promise<readonly string[]> {
  const rows = await session.query<Rows<{ name: string }>>(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name IN (?)",
    [tables],
  );
  return rows.map(({ name }) => name);
}
