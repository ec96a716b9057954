import { createPool, type Pool, type PoolConnection } from "mysql2/promise";
import type { MysqlTx } from "../../handles/join-transaction.ts";
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
import { databaseError, isConnectionLost } from "./database-errors.ts";
import { mysqlDeadRows } from "./dead-rows.ts";
import { mysqlFeed } from "./feed.ts";
import { mysqlInboxRows } from "./inbox-rows.ts";
import { insertRows } from "./insert.ts";
import { mysqlErrors } from "./mysql-errors.ts";
import { mysqlCounts, mysqlOverview } from "./overview.ts";
import { checkNotNewer, migrate, migrationScript, SCHEMA_VERSION, schemaVersion } from "./schema.ts";
import { Session } from "./session.ts";
import { inTransaction } from "./transaction.ts";

export interface MysqlOptions<Tx = PoolConnection> {
  /** `mysql://user:password@host:3306/database`; what mysql2 knows of options may follow, such as `?ssl={}`. */
  readonly url: string;
  /** Connections for transactions that the store opens itself. Default 10. The store's own work takes one more, and a relay four, five while it forgets old rows. */
  readonly maxConnections?: number;
  /** Opens transactions with the application's own library, for `outbox.transaction` and the inbox. Default: a connection of mysql2. */
  readonly transaction?: OpenTransaction<Tx>;
  /** Brings the schema up to date when the store is opened. Default true. False: WB_MYSQL_SCHEMA_OLDER where it is not. */
  readonly migrate?: boolean;
}

/**
 * Outbox and inbox in MySQL 8 or MariaDB 10.6 and later, by `mysql2`, in the database of the business data. Joins the transactions of mysql2, Kysely,
 * Drizzle, Knex and Prisma.
 */
export function mysql<Tx = PoolConnection>(options: MysqlOptions<Tx>): Store<Tx, MysqlTx> {
  const { maxConnections = 10 } = options;
  if (!(Number.isInteger(maxConnections) && maxConnections >= 1 && maxConnections <= 10_000)) {
    throw outboxErrors.WB_OUTBOX_OPTION({
      option: "maxConnections",
      problem: "must be a whole number from 1 to 10 000",
    });
  }
  return new MysqlStore(options, maxConnections, nameOf(options.url));
}

/** Without user and password. */
function nameOf(url: unknown): string {
  const parsed = typeof url === "string" ? URL.parse(url) : null;
  if (parsed === null || !["mysql:", "mariadb:"].includes(parsed.protocol) || parsed.pathname.length < 2) {
    throw outboxErrors.WB_OUTBOX_OPTION({ option: "url", problem: "must be mysql://user:password@host:3306/database" });
  }
  return `mysql ${parsed.hostname}:${parsed.port || "3306"}${parsed.pathname}`;
}

/** The lowest default of `max_allowed_packet` on the servers in use. */
const SMALLEST_PACKET = 16 * 1024 * 1024;

/** Options of mysql2 that change what an answer looks like: for the application's transactions, not for the store's own work. */
const ANSWERS = [
  "bigNumberStrings",
  "dateStrings",
  "decimalNumbers",
  "jsonStrings",
  "namedPlaceholders",
  "nestTables",
  "rowsAsArray",
  "supportBigNumbers",
  "typeCast",
];

function urlOfOwnWork(url: string): string {
  const own = new URL(url);
  for (const option of ANSWERS) own.searchParams.delete(option);
  return own.href;
}

function poolOf(uri: string, connectionLimit: number): Pool {
  try {
    return createPool({ uri, connectionLimit, connectTimeout: 10_000 });
  } catch {
    // What mysql2 says may hold a part of the URL, and so of the password.
    throw outboxErrors.WB_OUTBOX_OPTION({
      option: "url",
      problem: "cannot be read by mysql2: user and password must be percent-encoded, and what follows ? be its options",
    });
  }
}

class MysqlStore<Tx> implements Store<Tx, MysqlTx> {
  readonly name: string;
  readonly inbox: InboxRows<Tx>;
  readonly dead: DeadRows;
  readonly migrations: Migrations;
  readonly #url: string;
  readonly #pool: Pool;
  readonly #own: Session;
  readonly #openTransaction: OpenTransaction<Tx> | undefined;
  readonly #migrates: boolean;
  readonly #feeds = new Set<Feed>();
  readonly #listeners = new Set<() => void>();
  /** Transactions of our own that have rows written. */
  readonly #written = new WeakSet<object>();
  readonly #ours = new WeakSet<object>();
  readonly #running = new Set<Promise<unknown>>();
  #opened: Promise<void> | undefined;
  #isOpen = false;
  #closed: Promise<void> | undefined;

  constructor(options: MysqlOptions<Tx>, connectionLimit: number, name: string) {
    this.name = name;
    this.#url = urlOfOwnWork(options.url);
    this.#openTransaction = options.transaction;
    this.#migrates = options.migrate ?? true;
    this.#pool = poolOf(options.url, connectionLimit);
    this.#own = new Session(this.#url, name);
    const session = async () => {
      await this.open();
      return this.#own;
    };
    this.inbox = mysqlInboxRows({ name, session });
    this.dead = mysqlDeadRows(session);
    this.migrations = {
      status: async () => {
        const applied = await schemaVersion(this.#own);
        checkNotNewer(applied, name);
        return { applied, wanted: SCHEMA_VERSION };
      },
      apply: () => migrate(this.#own, name),
      sql: (from = 0) => migrationScript(from),
    };
  }

  open(): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(outboxErrors.WB_STORE_CLOSED({ path: this.name }));
    this.#opened ??= this.#open().catch((error) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async #open(): Promise<void> {
    if (this.#migrates) await migrate(this.#own, this.name);
    else {
      const found = await schemaVersion(this.#own);
      checkNotNewer(found, this.name);
      if (found < SCHEMA_VERSION) {
        throw mysqlErrors.WB_MYSQL_SCHEMA_OLDER({ store: this.name, found, wanted: SCHEMA_VERSION });
      }
    }
    this.#isOpen = true;
  }

  transaction<T>(work: (tx: Tx) => T | Promise<T>, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<T> {
    const running = this.#transaction(work, signal);
    this.#running.add(running);
    const end = () => this.#running.delete(running);
    running.then(end, end);
    return running;
  }

  async #transaction<T>(work: (tx: Tx) => T | Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    await this.open();
    let ours: object | undefined;
    const noted = (tx: Tx) => {
      ours = tx as object;
      this.#ours.add(ours);
      return work(tx);
    };
    try {
      const result =
        this.#openTransaction === undefined
          ? await inTransaction(this.#pool, this.name, (tx) => noted(tx as Tx), signal)
          : await inLibraryTransaction(this.#openTransaction, noted, signal);
      if (ours !== undefined && this.#written.has(ours)) this.#tell();
      return result;
    } finally {
      if (ours !== undefined) {
        this.#ours.delete(ours);
        this.#written.delete(ours);
      }
    }
  }

  async insert(tx: Tx | MysqlTx, rows: readonly NewRow[]): Promise<void> {
    if (!this.#isOpen) await this.open();
    try {
      await insertRows(tx, rows);
    } catch (error) {
      const largest = rows.reduce((most, { event }) => Math.max(most, event.length), 0);
      // The server ends the connection while the packet is still being sent: mostly its word of why is not heard.
      if (largest > SMALLEST_PACKET && isConnectionLost(error)) {
        const problem = `the connection ended while an event of ${largest} characters was being sent`;
        throw mysqlErrors.WB_MYSQL_PACKET({ store: this.name, problem }, error);
      }
      throw databaseError(error, this.name);
    }
    if (this.#ours.has(tx as object)) this.#written.add(tx as object);
    // The caller's own transaction may commit any moment.
    else this.#tell();
  }

  async feed(options: FeedOptions): Promise<Feed> {
    await this.open();
    const feed = mysqlFeed(
      {
        session: (sessionOptions) => new Session(this.#url, this.name, sessionOptions),
        onNews: (listener) => {
          this.#listeners.add(listener);
          return () => this.#listeners.delete(listener);
        },
      },
      options,
      () => this.#feeds.delete(feed),
    );
    this.#feeds.add(feed);
    return feed;
  }

  async counts(): Promise<Counts> {
    await this.open();
    return mysqlCounts(this.#own);
  }

  async overview(): Promise<Overview> {
    await this.open();
    return mysqlOverview(this.#own);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#feeds].map((feed) => feed.release(false)));
    await Promise.allSettled([this.#opened, ...this.#running]);
    await this.#own.close();
    await this.#pool.end();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
