import type { Socket } from "node:net";
import { systemClock } from "@waybill/core/spi";
import type { Connection as RowConnection } from "mysql2";
import {
  type Connection,
  createConnection,
  type QueryOptions,
  type ResultSetHeader,
  type RowDataPacket,
} from "mysql2/promise";
import { atMost } from "../../at-most.ts";
import { outboxErrors } from "../../outbox-errors.ts";
import { databaseError, isConnectionLost, isDeadlock, isLockTimeout } from "./database-errors.ts";

export type Rows<Row> = readonly (Row & RowDataPacket)[];
export type Value = number | string | Uint8Array | null;
/** Lists become `(a, b, c)`, lists of lists several of them. */
export type Values = readonly (Value | readonly Value[] | readonly (readonly Value[])[])[];

const TRIES = 5;
/** At the end, what has been asked for is given so long. */
const LAST_WORDS_MS = 5_000;

/**
 * Takes back what a server has set for applications. The limit of a statement's time is MariaDB's alone (`M!`) under one name, MySQL 8's
 * under the other: each passes over what is meant for the other.
 */
const SETTINGS = `SET SESSION autocommit = 1, time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION',
  innodb_lock_wait_timeout = 10 /*M! , max_statement_time = 0 */ /*!80000 , max_execution_time = 0 */`;

export interface SessionOptions {
  /** Default `READ COMMITTED`. */
  readonly isolation?: "READ COMMITTED" | "READ UNCOMMITTED";
  /** A statement that is not answered after so long ends the connection: a half-open one would never say so. Default: none. */
  readonly timeoutMs?: number;
}

/** What a session runs statements with. */
export interface Statements {
  query<Result = ResultSetHeader>(sql: string, values?: Values): Promise<Result>;
}

/**
 * One connection for the store's own work, which comes back by itself: what a lost one had begun is rejected, the next call connects
 * anew. Calls run one after the other, a whole transaction as one.
 */
export class Session implements Statements {
  readonly #url: string;
  readonly #store: string;
  readonly #isolation: string;
  readonly #timeoutMs: number | undefined;
  #connection: Connection | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(url: string, store: string, { isolation = "READ COMMITTED", timeoutMs }: SessionOptions = {}) {
    this.#url = url;
    this.#store = store;
    this.#isolation = isolation;
    this.#timeoutMs = timeoutMs;
  }

  query<Result = ResultSetHeader>(sql: string, values?: Values): Promise<Result> {
    return this.#inTurn((connection) => this.#query<Result>(connection, sql, values));
  }

  /** Gives each row to `take` as it comes, until that answers false; what comes after it is let go. No more than one row is kept here. */
  read(sql: string, values: Values, take: (row: readonly unknown[]) => boolean): Promise<void> {
    return this.#inTurn(
      (connection) =>
        new Promise<void>((resolve, reject) => {
          // The promise API gives no rows one by one; it is a wrapper around the connection that does.
          const { connection: raw } = connection as unknown as { connection: RowConnection };
          let wants = true;
          // Of a lost connection a query without a callback hears nothing, only the connection does.
          const lost = (error?: Error) => end(error ?? Object.assign(new Error("Connection ended."), { fatal: true }));
          const end = (error?: Error) => {
            raw.off("error", lost);
            raw.off("end", lost);
            if (error === undefined) resolve();
            else reject(error);
          };
          raw.on("error", lost);
          raw.on("end", lost);
          // After the listeners: one that is closed already tells of it at once.
          const query = raw.query({ ...this.#statement(sql, values), rowsAsArray: true });
          query.on("result", (row: unknown) => {
            if (wants) wants = take(row as readonly unknown[]);
          });
          query.on("error", end);
          query.on("end", () => end());
        }),
    );
  }

  /** Commits when `work` resolves, rolls back when it rejects. Runs it again after a deadlock. */
  transaction<T>(work: (tx: Statements) => Promise<T>): Promise<T> {
    return this.#inTurn(async (connection) => {
      const tx = this.#statements(connection);
      for (let tries = 1; ; tries++) {
        await tx.query("START TRANSACTION");
        try {
          const value = await work(tx);
          await tx.query("COMMIT");
          return value;
        } catch (error) {
          if (isConnectionLost(error)) throw error;
          await tx.query("ROLLBACK");
          if (tries >= TRIES || !(isDeadlock(error) || isLockTimeout(error))) throw error;
        }
      }
    });
  }

  /** Statements with none of another call between them. */
  together<T>(work: (statements: Statements) => Promise<T>): Promise<T> {
    return this.#inTurn((connection) => work(this.#statements(connection)));
  }

  /** After what has been asked for, unless that takes too long. */
  async close(): Promise<void> {
    this.#closed = true;
    await atMost(systemClock, LAST_WORDS_MS, this.#last);
    this.end();
  }

  /** At once: what runs is rejected. */
  end(): void {
    this.#closed = true;
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection !== undefined) cut(connection);
  }

  #inTurn<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(outboxErrors.WB_STORE_CLOSED({ path: this.#store }));
    const turn = this.#last.then(async () => {
      try {
        this.#connection ??= await this.#connect();
        return await work(this.#connection);
      } catch (error) {
        if (isConnectionLost(error)) {
          if (this.#connection !== undefined) cut(this.#connection);
          this.#connection = undefined;
        }
        throw databaseError(error, this.#store);
      }
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #connect(): Promise<Connection> {
    const connection = await createConnection({ uri: this.#url, connectTimeout: 10_000 });
    // One that is lost while nothing runs on it costs no call: the next connects anew. Without a listener the error would end the process.
    const lost = () => {
      if (this.#connection === connection) this.#connection = undefined;
    };
    connection.on("error", lost);
    connection.on("end", lost);
    try {
      await this.#query(connection, SETTINGS);
      await this.#query(connection, `SET SESSION TRANSACTION ISOLATION LEVEL ${this.#isolation}`);
      if (this.#closed) throw outboxErrors.WB_STORE_CLOSED({ path: this.#store });
      return connection;
    } catch (error) {
      cut(connection);
      throw error;
    }
  }

  #statements(connection: Connection): Statements {
    return { query: <Result>(sql: string, values?: Values) => this.#query<Result>(connection, sql, values) };
  }

  async #query<Result>(connection: Connection, sql: string, values?: Values): Promise<Result> {
    return (await connection.query(this.#statement(sql, values)))[0] as Result;
  }

  #statement(sql: string, values: Values | undefined): QueryOptions {
    return { sql, values: values as unknown[], ...(this.#timeoutMs === undefined ? {} : { timeout: this.#timeoutMs }) };
  }
}

/** Ends a connection without asking the server, which may be frozen. What runs on it is rejected, as mysql2's own `destroy` would not do. */
function cut(connection: Connection): void {
  (connection as unknown as { connection: { stream: Socket } }).connection.stream.destroy();
}
