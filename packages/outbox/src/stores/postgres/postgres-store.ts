import type { InboxKey } from "@waybill/core";
import type { Pool, PoolClient } from "pg";
import type { PostgresTx } from "../../handles/join-transaction.ts";
import { inLibraryTransaction, type OpenTransaction } from "../../handles/open-transaction.ts";
import { outboxErrors } from "../../outbox-errors.ts";
import type {
  Counts,
  DeadRows,
  Feed,
  FeedOptions,
  InboxRows,
  Migrations,
  NewRow,
  Overview,
  Store,
} from "../../store.ts";
import { Connections } from "./connections.ts";
import { databaseError, isLockTimeout } from "./database-errors.ts";
import { postgresDeadRows } from "./dead-rows.ts";
import { postgresFeed } from "./feed.ts";
import { postgresInboxRows, recordOne } from "./inbox-rows.ts";
import { insertRows } from "./insert.ts";
import { postgresMigrations } from "./migrations.ts";
import { Notifier } from "./notifier.ts";
import { countRows, postgresOverview } from "./overview.ts";
import { postgresErrors } from "./postgres-errors.ts";
import { notPublished, publishesOutbox } from "./publication.ts";
import { checkSequence, restamp } from "./start-checks.ts";
import { type Tables, tablesIn } from "./tables.ts";
import { inTransaction } from "./transaction.ts";

export interface PostgresOptions<Tx = PoolClient> {
  /** The application's own pool of `pg`, which stays open; each relay opens three more connections with its settings, four while it tidies. */
  readonly pool?: Pool;
  /** Instead of `pool`: `postgres://user:password@host:5432/database`. */
  readonly connectionString?: string;
  /** Of the pool that `connectionString` makes: so many transactions run at once, others wait. Default 10. */
  readonly maxConnections?: number;
  /** Where the tables are; made by the first migration. One database may hold several outboxes, each in its own. Default `waybill`. */
  readonly schema?: string;
  /**
   * How relays find new rows. `polling` (default): a notification and a reading of the table. `cdc`: out of the write-ahead log, with the
   * table behind it for whatever the log does not bring; needs `wal_level = logical` and a user with REPLICATION. The guarantees are the same.
   */
  readonly mode?: "polling" | "cdc";
  /** Whether `open` applies missing migrations. `false` only checks: WB_POSTGRES_SCHEMA_OLDER. Default `true`. */
  readonly migrate?: boolean;
  /** Opens transactions with the application's own library, for `outbox.transaction` and the inbox. Default: a client of `pg`. */
  readonly transaction?: OpenTransaction<Tx>;
}

/**
 * Outbox and inbox in PostgreSQL 13 or newer, through `pg`. The transaction handle of `transaction` is a client of `pg`; `insert` also joins
 * those of Kysely, Drizzle, Knex and Prisma.
 */
export function postgres<Tx = PoolClient>(options: PostgresOptions<Tx>): Store<Tx, PostgresTx> {
  const { schema = "waybill", mode = "polling" } = options;
  if (mode !== "polling" && mode !== "cdc") {
    throw outboxErrors.WB_OUTBOX_OPTION({ option: "mode", problem: 'must be "polling" or "cdc"' });
  }
  return new PostgresStore(new Connections(options, schema), tablesIn(schema), options);
}

class PostgresStore<Tx> implements Store<Tx, PostgresTx> {
  readonly name: string;
  readonly inbox: InboxRows<Tx>;
  readonly dead: DeadRows;
  readonly migrations: Migrations;
  readonly #connections: Connections;
  readonly #tables: Tables;
  readonly #migrate: boolean;
  readonly #openTransaction: OpenTransaction<Tx> | undefined;
  readonly #tailLog: boolean;
  readonly #notifier: Notifier;
  readonly #listeners = new Set<() => void>();
  readonly #feeds = new Set<Feed>();
  #opened: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(connections: Connections, tables: Tables, options: PostgresOptions<Tx>) {
    this.name = connections.store;
    this.#connections = connections;
    this.#tables = tables;
    this.#migrate = options.migrate ?? true;
    this.#openTransaction = options.transaction;
    this.#tailLog = options.mode === "cdc";
    this.#notifier = new Notifier(connections.pool, tables.channel);
    const inbox = postgresInboxRows<Tx>(connections, tables, () => this.open());
    this.inbox =
      options.transaction === undefined
        ? { ...inbox, transaction: (key, work, { signal }) => this.#process(key, work, signal) }
        : inbox;
    this.dead = postgresDeadRows(
      connections,
      tables,
      () => this.open(),
      () => this.#news(),
    );
    this.migrations = postgresMigrations(connections, tables);
  }

  open(): Promise<void> {
    this.#opened ??= this.#open().catch((error) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async transaction<T>(
    work: (tx: Tx) => T | Promise<T>,
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<T> {
    this.#assertOpen();
    await this.open();
    const result =
      this.#openTransaction === undefined
        ? await inTransaction(this.#connections, (client) => work(client as Tx), options.signal)
        : await inLibraryTransaction(this.#openTransaction, work, options.signal);
    this.#news();
    return result;
  }

  async insert(tx: Tx | PostgresTx, rows: readonly NewRow[]): Promise<void> {
    try {
      await insertRows(this.#tables, tx, rows);
    } catch (error) {
      throw databaseError(error, this.name);
    }
    // The caller commits any moment now: a relay that is woken looks often for a while.
    this.#news();
  }

  async feed(options: FeedOptions): Promise<Feed> {
    this.#assertOpen();
    await this.open();
    await this.#connections.run(async (client) => {
      await checkSequence(client, this.#tables, this.name);
      await restamp(client, this.#tables);
    });
    const onNews = (listener: () => void) => {
      this.#listeners.add(listener);
      return () => void this.#listeners.delete(listener);
    };
    const closed = () => this.#feeds.delete(feed);
    const feed = postgresFeed(this.#connections, this.#tables, options, this.#tailLog, onNews, closed);
    this.#feeds.add(feed);
    return feed;
  }

  async counts(): Promise<Counts> {
    await this.open();
    return this.#connections.run((client) => countRows(client, this.#tables));
  }

  async overview(): Promise<Overview> {
    await this.open();
    return this.#connections.run(async (client) => {
      const overview = await postgresOverview(client, this.#tables);
      const isUnpublished = this.#tailLog && (await publishesOutbox(client, this.#tables)) === false;
      return isUnpublished ? { ...overview, problems: [notPublished(this.#connections, this.#tables)] } : overview;
    });
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      await Promise.all([...this.#feeds].map((feed) => feed.release(false)));
      await this.#notifier.stop();
      await this.#connections.close();
    })();
    return this.#closed;
  }

  /** A transaction that begins with the record of an event. */
  async #process(
    key: InboxKey,
    work: (tx: Tx) => Promise<void>,
    signal: AbortSignal,
  ): Promise<"processed" | "duplicate"> {
    this.#assertOpen();
    await this.open();
    let isRecorded = false;
    const result = await inTransaction(
      this.#connections,
      async (client, changed) => {
        isRecorded = true;
        if (changed !== 1) return "duplicate";
        await work(client as Tx);
        return "processed";
      },
      signal,
      recordOne(this.#tables, key),
    ).catch((error) => {
      throw isRecorded || !isLockTimeout(error) ? error : outboxErrors.WB_INBOX_BUSY({}, error);
    });
    this.#news();
    return result;
  }

  async #open(): Promise<void> {
    if (this.#migrate) await this.migrations.apply();
    const { applied, wanted } = await this.migrations.status();
    if (applied < wanted) throw postgresErrors.WB_POSTGRES_SCHEMA_OLDER({ store: this.name, found: applied, wanted });
  }

  #news(): void {
    for (const listener of this.#listeners) listener();
    this.#notifier.kick();
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw outboxErrors.WB_STORE_CLOSED({ path: this.name });
  }
}
