import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Store } from "@waybill/outbox";
import { mysql } from "@waybill/outbox/mysql";
import { postgres } from "@waybill/outbox/postgres";
import { sqlite } from "@waybill/outbox/sqlite";
import type { PoolConnection, RowDataPacket } from "mysql2/promise";
import type { PoolClient } from "pg";

export const STORES = ["postgres", "postgres-cdc", "mysql", "sqlite"] as const;
export type StoreName = (typeof STORES)[number];

/** Where a run's database is: what every process of it is told. */
export interface Address {
  readonly store: StoreName;
  /** Of a server, or the path of a file. */
  readonly url: string;
}

export type Row = Readonly<Record<string, unknown>>;

/** The store, and the application's own SQL in its transactions: the same statements for all, with `?` for values. */
export interface Database {
  readonly store: Store;
  query(tx: unknown, sql: string, values?: readonly (string | number)[]): Promise<readonly Row[]>;
  /** Takes what decides the order of positions long before anything is written, where the database has such a thing. */
  takeIdEarly(tx: unknown): Promise<void>;
}

/** The business tables: who has how many events so far, each event that was committed, each effect of a consumer. */
export const TABLES = [
  "CREATE TABLE account (name VARCHAR(20) PRIMARY KEY, version INT NOT NULL)",
  "CREATE TABLE entry (id VARCHAR(40) PRIMARY KEY, name VARCHAR(20) NOT NULL, version INT NOT NULL, writer INT NOT NULL)",
  "CREATE TABLE effect (id VARCHAR(40) NOT NULL, name VARCHAR(20) NOT NULL, version INT NOT NULL)",
] as const;

export function openDatabase({ store, url }: Address, maxConnections = 4): Database {
  switch (store) {
    case "postgres":
    case "postgres-cdc": {
      const mode = store === "postgres" ? "polling" : "cdc";
      return {
        store: postgres({ connectionString: url, maxConnections, mode }) as Store,
        async query(tx, sql, values = []) {
          let n = 0;
          return (
            await (tx as PoolClient).query(
              sql.replace(/\?/g, () => `$${++n}`),
              [...values],
            )
          ).rows;
        },
        takeIdEarly: async (tx) => void (await (tx as PoolClient).query("SELECT pg_current_xact_id()")),
      };
    }
    case "mysql":
      return {
        store: mysql({ url, maxConnections }) as Store,
        async query(tx, sql, values = []) {
          const [rows] = await (tx as PoolConnection).query<RowDataPacket[]>(sql, [...values]);
          return rows;
        },
        takeIdEarly: async () => undefined,
      };
    case "sqlite":
      return {
        store: sqlite({ path: url }) as Store,
        query: async (tx, sql, values = []) =>
          (tx as DatabaseSync).prepare(sql).all(...(values as SQLInputValue[])) as Row[],
        takeIdEarly: async () => undefined,
      };
  }
}
