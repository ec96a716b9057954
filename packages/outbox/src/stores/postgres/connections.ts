import type { Socket } from "node:net";
import { systemClock } from "@waybill/core/spi";
import { Client, type ClientBase, type ClientConfig, Pool, type PoolClient } from "pg";
import { atMost } from "../../at-most.ts";
import { outboxErrors } from "../../outbox-errors.ts";
import { databaseError, endsConnection } from "./database-errors.ts";

/** How long to wait for a connection, of the pool or to the server. */
const CONNECT_MS = 10_000;
/** How long a server may take to say goodbye: one that is frozen, or behind a cut cable, never would. */
const GOODBYE_MS = 1_000;

/** Of the store's own short work, at the end. */
const LAST_WORDS_MS = 3_000;

/** Ends a connection, with or without the server's goodbye. */
export async function endClient(client: Client): Promise<void> {
  const timer = setTimeout(() => cut(client), GOODBYE_MS);
  try {
    await client.end();
  } catch {
    // It was gone already.
  } finally {
    clearTimeout(timer);
  }
}

/** Throws WB_OUTBOX_OPTION for what cannot be read, without a word of it: a part may be the password. */
function clientOf(config: ClientConfig): Client {
  const { connectionString } = config;
  const isUrl = connectionString === undefined || /^(postgres(ql)?:|socket:|\/)/.test(connectionString);
  try {
    if (isUrl) return new Client(config);
  } catch {
    // Told below.
  }
  throw outboxErrors.WB_OUTBOX_OPTION({
    option: "connectionString",
    problem: "must be postgres://user:password@host:5432/database, with user and password percent-encoded",
  });
}

/** What runs on it is rejected. */
function cut(client: ClientBase): void {
  (client as unknown as { connection: { stream: Socket } }).connection.stream.destroy();
}

/** Where a store's connections come from: a pool for short work, and connections of its own for each relay. */
export class Connections {
  /** For messages: where the database is, without secrets. */
  readonly store: string;
  readonly pool: Pool;
  readonly #config: ClientConfig;
  readonly #ownsPool: boolean;
  readonly #works = new Map<PoolClient, Promise<unknown>>();
  #closed = false;

  constructor(given: { pool?: Pool; connectionString?: string; maxConnections?: number }, schema: string) {
    if ((given.pool === undefined) === (given.connectionString === undefined)) {
      throw outboxErrors.WB_OUTBOX_OPTION({
        option: "pool",
        problem: "or connectionString must be given, and not both",
      });
    }
    this.#ownsPool = given.pool === undefined;
    this.#config = {
      connectionTimeoutMillis: CONNECT_MS,
      keepAlive: true,
      application_name: "waybill",
      ...(given.pool === undefined ? { connectionString: given.connectionString! } : given.pool.options),
    };
    // The pool's options keep the password where spreading does not see it.
    const password = given.pool?.options.password;
    if (password !== undefined) this.#config.password = password;
    const { host, port, database } = clientOf(this.#config);
    this.store = `the outbox ${schema} in postgres://${host}:${port}/${database}`;
    this.pool = given.pool ?? new Pool({ ...this.#config, max: given.maxConnections ?? 10 });
    // A pooled connection that breaks while idle is replaced; without a listener it would end the process.
    if (this.#ownsPool) this.pool.on("error", () => undefined);
  }

  /** Runs short work on a connection of the pool. Errors come with words. */
  async run<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.take();
    let broken = false;
    try {
      const working = work(client);
      this.#works.set(client, working);
      return await working;
    } catch (error) {
      broken = endsConnection(error);
      throw databaseError(error, this.store);
    } finally {
      this.#works.delete(client);
      client.release(broken);
    }
  }

  /** A connection of the pool, which the caller releases. */
  async take(): Promise<PoolClient> {
    if (this.#closed) throw outboxErrors.WB_STORE_CLOSED({ path: this.store });
    try {
      const client = await this.pool.connect();
      // The server may end it between two of our queries; the next one says so.
      if (client.listenerCount("error") === 0) client.on("error", () => undefined);
      return client;
    } catch (error) {
      throw databaseError(error, this.store);
    }
  }

  /** A new connection outside of the pool, connected. */
  async open(extra: ClientConfig & { replication?: string } = {}): Promise<Client> {
    // A pool whose clients send queries without waiting for answers has clients that take no copies.
    const client = new Client({ ...this.#config, ...extra, pipeline: false });
    client.on("error", () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      await endClient(client);
      throw databaseError(error, this.store);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // A server that is frozen would keep it, and with it the pool, for ever.
    await atMost(systemClock, LAST_WORDS_MS, Promise.allSettled(this.#works.values()));
    for (const client of this.#works.keys()) cut(client);
    if (this.#ownsPool) await this.pool.end();
  }
}
