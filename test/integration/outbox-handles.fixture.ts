import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { PrismaMariaDb } from "@prisma/adapter-mariadb";
import { PrismaPg } from "@prisma/adapter-pg";
import type { MysqlTx, OpenTransaction, PostgresTx } from "@waybill/outbox";
import { sql as drizzleSql } from "drizzle-orm";
import { drizzle as drizzleMysql } from "drizzle-orm/mysql2";
import { drizzle as drizzlePg } from "drizzle-orm/node-postgres";
import createKnex from "knex";
import { Kysely, sql as kyselySql, MysqlDialect, PostgresDialect } from "kysely";
import mysqlCallbacks from "mysql2";
import mysqlPromises from "mysql2/promise";
import pg from "pg";

export type AnyTx = PostgresTx | MysqlTx;

/** One library on one database: its own transactions, one statement of the application, and what is no transaction of it. */
export interface Library {
  readonly name: string;
  readonly transaction: OpenTransaction<AnyTx>;
  /** Inserts into `account (id)` through the handle. */
  insert(tx: AnyTx, id: number): Promise<unknown>;
  /** Handles without a transaction, such as a pool. */
  readonly outside: readonly unknown[];
  close(): Promise<unknown>;
}

export function postgresLibraries(url: string): Readonly<Record<string, () => Promise<Library>>> {
  return {
    pg: async () => {
      const pool = new pg.Pool({ connectionString: url });
      const idle = new pg.Client({ connectionString: url });
      await idle.connect();
      return library<pg.PoolClient>({
        name: "pg",
        async transaction(work) {
          const client = await pool.connect();
          try {
            return await bracketed(
              (statement) => client.query(statement),
              () => work(client),
            );
          } finally {
            client.release();
          }
        },
        insert: (tx, id) => tx.query("INSERT INTO account VALUES ($1)", [id]),
        outside: [pool, idle],
        close: () => Promise.all([pool.end(), idle.end()]),
      });
    },
    Kysely: async () => {
      const db = new Kysely<object>({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url }) }) });
      return kyselyLibrary(db);
    },
    Knex: async () => knexLibrary(createKnex({ client: "pg", connection: url })),
    Drizzle: async () => {
      const pool = new pg.Pool({ connectionString: url });
      const db = drizzlePg(pool);
      return library<Parameters<Parameters<typeof db.transaction>[0]>[0]>({
        name: "Drizzle",
        transaction: (work) => db.transaction(work),
        insert: (tx, id) => tx.execute(drizzleSql`INSERT INTO account VALUES (${id})`),
        outside: [db],
        close: () => pool.end(),
      });
    },
    Prisma: async () => prismaLibrary("postgresql", new PrismaPg({ connectionString: url })),
  };
}

export function mysqlLibraries(url: string): Readonly<Record<string, () => Promise<Library>>> {
  return {
    "mysql2/promise": async () => {
      const pool = mysqlPromises.createPool(url);
      const idle = await mysqlPromises.createConnection(url);
      return library<mysqlPromises.PoolConnection>({
        name: "mysql2/promise",
        async transaction(work) {
          const connection = await pool.getConnection();
          try {
            return await bracketed(
              (statement) => connection.query(statement),
              () => work(connection),
            );
          } finally {
            connection.release();
          }
        },
        insert: (tx, id) => tx.execute("INSERT INTO account VALUES (?)", [id]),
        outside: [pool, idle],
        close: () => Promise.all([pool.end(), idle.end()]),
      });
    },
    mysql2: async () => {
      const pool = mysqlCallbacks.createPool(url);
      const run = (connection: mysqlCallbacks.Connection, statement: string, values: unknown[] = []) =>
        new Promise((resolve, reject) => {
          connection.query(statement, values, (error, result) => (error === null ? resolve(result) : reject(error)));
        });
      return library<mysqlCallbacks.PoolConnection>({
        name: "mysql2",
        async transaction(work) {
          const connection = await promisify(pool.getConnection.bind(pool))();
          try {
            return await bracketed(
              (statement) => run(connection, statement),
              () => work(connection),
            );
          } finally {
            connection.release();
          }
        },
        insert: (tx, id) => run(tx, "INSERT INTO account VALUES (?)", [id]),
        outside: [pool],
        close: () => pool.promise().end(),
      });
    },
    Kysely: async () => {
      const db = new Kysely<object>({ dialect: new MysqlDialect({ pool: mysqlCallbacks.createPool(url) }) });
      return kyselyLibrary(db);
    },
    Knex: async () => knexLibrary(createKnex({ client: "mysql2", connection: url })),
    Drizzle: async () => {
      const pool = mysqlPromises.createPool(url);
      const db = drizzleMysql(pool);
      return library<Parameters<Parameters<typeof db.transaction>[0]>[0]>({
        name: "Drizzle",
        transaction: (work) => db.transaction(work),
        insert: (tx, id) => tx.execute(drizzleSql`INSERT INTO account VALUES (${id})`),
        outside: [db],
        close: () => pool.end(),
      });
    },
    Prisma: async () => prismaLibrary("mysql", new PrismaMariaDb(url.replace("mysql:", "mariadb:"))),
  };
}

function kyselyLibrary(db: Kysely<object>): Library {
  return library<Parameters<Parameters<ReturnType<typeof db.transaction>["execute"]>[0]>[0]>({
    name: "Kysely",
    transaction: (work) => db.transaction().execute(work),
    insert: (tx, id) => kyselySql`INSERT INTO account VALUES (${id})`.execute(tx),
    outside: [db],
    close: () => db.destroy(),
  });
}

function knexLibrary(knex: ReturnType<typeof createKnex>): Library {
  return library<Parameters<Parameters<typeof knex.transaction>[0]>[0]>({
    name: "Knex",
    transaction: (work) => knex.transaction(work),
    insert: async (tx, id) => tx.raw("INSERT INTO account VALUES (?)", [id]),
    outside: [knex],
    close: () => knex.destroy(),
  });
}

interface PrismaLike {
  $transaction<T>(work: (tx: PrismaLike) => Promise<T>, options?: { timeout: number }): Promise<T>;
  $disconnect(): Promise<void>;
  readonly account: { create(options: { data: { id: number } }): Promise<unknown> };
}

/**
 * Prisma 7 over a driver adapter: its client is made of TypeScript and WebAssembly. `prisma generate` would download a schema engine all the same,
 * though it does not run it: `PRISMA_SCHEMA_ENGINE_BINARY` names a file that is there already, any one.
 */
async function prismaLibrary(provider: string, adapter: unknown): Promise<Library> {
  const root = join(import.meta.dirname, ".prisma");
  await mkdir(root, { recursive: true });
  const folder = await mkdtemp(join(root, `${provider}-`));
  const schema = join(folder, "schema.prisma");
  await writeFile(
    schema,
    `generator client {\n  provider = "prisma-client"\n  output = "./client"\n}\ndatasource db {\n  provider = "${provider}"\n}\nmodel account {\n  id Int @id\n}\n`,
  );
  const cli = join(import.meta.dirname, "../../node_modules/prisma/build/index.js");
  await promisify(execFile)(process.execPath, [cli, "generate", "--schema", schema], {
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: "1" },
  });
  const { PrismaClient } = (await import(join(folder, "client/client.ts"))) as {
    PrismaClient: new (options: { adapter: unknown }) => PrismaLike;
  };
  const prisma = new PrismaClient({ adapter });
  return library<PrismaLike>({
    name: "Prisma",
    transaction: (work) => prisma.$transaction(work, { timeout: 20_000 }),
    insert: (tx, id) => tx.account.create({ data: { id } }),
    outside: [prisma],
    async close() {
      await prisma.$disconnect();
      await rm(folder, { recursive: true });
    },
  });
}

async function bracketed<T>(run: (statement: string) => Promise<unknown>, work: () => Promise<T>): Promise<T> {
  await run("BEGIN");
  try {
    const result = await work();
    await run("COMMIT");
    return result;
  } catch (error) {
    await run("ROLLBACK");
    throw error;
  }
}

/** The test drives all of them by one type; each is written with its own. */
function library<Tx>(own: {
  readonly name: string;
  readonly transaction: OpenTransaction<Tx>;
  insert(tx: Tx, id: number): Promise<unknown>;
  readonly outside: readonly unknown[];
  close(): Promise<unknown>;
}): Library {
  return own as unknown as Library;
}
