import type { DatabaseSync } from "node:sqlite";
import { type Clock, systemClock } from "@waybill/core/spi";
import { outboxErrors } from "../../outbox-errors.ts";
import type { Counts, Feed, FeedOptions, InboxRows, Migrations, NewRow, Overview, Store } from "../../store.ts";
import { canonicalPath, connect } from "./connection.ts";
import { sqliteDeadRows } from "./dead-rows.ts";
import { sqliteFeed } from "./feed.ts";
import { sqliteInboxRows } from "./inbox-rows.ts";
import { insertRows } from "./insert.ts";
import { sqliteMigrations } from "./migrations.ts";
import { sqliteOverview } from "./overview.ts";
import { onFile } from "./sqlite-errors.ts";
import { statement } from "./statements.ts";
import { Writer } from "./writer.ts";

export interface SqliteOptions {
  /** The database file; made when it is not there. It may be the application's own. On a local disk, not a network one. */
  readonly path: string;
  /** How long to wait for a lock that another process holds, before WB_STORE_BUSY. Waiting does not block the event loop. Default 30 000. */
  readonly busyTimeoutMs?: number;
  /** For tests. All stores of one process on one file must have the same. */
  readonly clock?: Clock;
}

/** One writer a file and process, however many stores are opened on it. */
const writers = new Map<string, { writer: Writer; users: number }>();

/**
 * Outbox and inbox in a SQLite file, by `node:sqlite`: no server, survives a crash, shared by several processes of one machine.
 * The transaction handle is the `DatabaseSync` itself, on which the application runs its own SQL.
 *
 * One write transaction runs at a time, in all processes together: `await` nothing slow while it is open.
 */
export function sqlite(options: SqliteOptions): Store<DatabaseSync> {
  const { path, busyTimeoutMs = 30_000, clock = systemClock } = options;
  if (!(busyTimeoutMs >= 0))
    throw outboxErrors.WB_OUTBOX_OPTION({ option: "busyTimeoutMs", problem: "must be 0 or more" });
  return new SqliteStore(canonicalPath(path), busyTimeoutMs, clock);
}

class SqliteStore implements Store<DatabaseSync> {
  readonly name: string;
  readonly inbox: InboxRows<DatabaseSync>;
  readonly dead: ReturnType<typeof sqliteDeadRows>;
  readonly migrations: Migrations;
  readonly #path: string;
  readonly #busyTimeoutMs: number;
  readonly #clock: Clock;
  readonly #writer: Writer;
  readonly #feeds = new Set<Feed>();
  #opened: Promise<DatabaseSync> | undefined;
  #closed: Promise<void> | undefined;

  constructor(path: string, busyTimeoutMs: number, clock: Clock) {
    this.name = `sqlite ${path}`;
    this.#path = path;
    this.#busyTimeoutMs = busyTimeoutMs;
    this.#clock = clock;
    const shared = writers.get(path) ?? { writer: new Writer(path, busyTimeoutMs, clock), users: 0 };
    shared.users++;
    writers.set(path, shared);
    this.#writer = shared.writer;
    const access = { path, writer: this.#writer, reader: () => this.#reader() };
    this.inbox = sqliteInboxRows(access);
    this.dead = sqliteDeadRows(access);
    this.migrations = sqliteMigrations(path, () => this.open(), busyTimeoutMs, clock);
  }

  async open(): Promise<void> {
    await this.#reader();
  }

  transaction<T>(
    work: (tx: DatabaseSync) => T | Promise<T>,
    options?: { signal?: AbortSignal | undefined },
  ): Promise<T> {
    if (this.#closed !== undefined) return Promise.reject(outboxErrors.WB_STORE_CLOSED({ path: this.#path }));
    return this.#writer.run(work, { ...options, keepErrors: true });
  }

  insert(tx: DatabaseSync, rows: readonly NewRow[]): void {
    onFile(this.#path, () => insertRows(tx, rows, this.#path));
    this.#writer.addedRows(tx);
  }

  async feed(options: FeedOptions): Promise<Feed> {
    await this.open();
    const reader = await connect(this.#path, this.#busyTimeoutMs, this.#clock);
    const feed = sqliteFeed({ path: this.#path, writer: this.#writer, reader }, options, () =>
      this.#feeds.delete(feed),
    );
    this.#feeds.add(feed);
    return feed;
  }

  async counts(): Promise<Counts> {
    const reader = await this.#reader();
    const row = onFile(this.#path, () =>
      statement(
        reader,
        `SELECT (SELECT count(*) FROM outbox) AS waiting, (SELECT count(*) FROM outbox_scheduled) AS scheduled,
                (SELECT count(*) FROM outbox_retry) AS parked, (SELECT count(*) FROM outbox_dead) AS dead`,
      ).get(),
    );
    return { ...(row as unknown as Counts) };
  }

  async overview(): Promise<Overview> {
    const reader = await this.#reader();
    return onFile(this.#path, () => sqliteOverview(reader, this.#clock.now()));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#feeds].map((feed) => feed.release(false)));
    const reader = await this.#opened?.catch(() => undefined);
    if (reader?.isOpen) reader.close();
    const shared = writers.get(this.#path);
    if (shared?.writer !== this.#writer || --shared.users > 0) return;
    writers.delete(this.#path);
    await this.#writer.close();
  }

  /** The connection for reading outside of transactions. The first call brings the schema up to date. */
  #reader(): Promise<DatabaseSync> {
    if (this.#closed !== undefined) return Promise.reject(outboxErrors.WB_STORE_CLOSED({ path: this.#path }));
    this.#opened ??= this.#writer
      .run(() => undefined)
      .then(() => connect(this.#path, this.#busyTimeoutMs, this.#clock))
      .catch((error) => {
        this.#opened = undefined;
        throw error;
      });
    return this.#opened;
  }
}
