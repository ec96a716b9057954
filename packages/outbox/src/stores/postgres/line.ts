import type { Client, QueryArrayConfig, QueryArrayResult, QueryConfig, QueryResult } from "pg";
import { type Connections, endClient } from "./connections.ts";
import { databaseError, endsConnection } from "./database-errors.ts";

export interface LineOptions {
  /** Run on each new connection before anything else. */
  readonly setup?: (client: Client) => Promise<unknown>;
  /** A query that is not answered after so long ends the connection: a half-open one would never say so. */
  readonly timeoutMs: number;
}

/** One connection for one purpose, connected again when it is lost. One query at a time. */
export class Line {
  readonly #connections: Connections;
  readonly #options: LineOptions;
  #client: Client | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(connections: Connections, options: LineOptions) {
    this.#connections = connections;
    this.#options = options;
  }

  query(config: QueryConfig): Promise<QueryResult> {
    return this.run((client) => client.query(config));
  }

  rows(config: QueryArrayConfig): Promise<QueryArrayResult<unknown[]>> {
    return this.run((client) => client.query<unknown[]>(config));
  }

  /** Several statements as one transaction. */
  transaction<T>(work: (client: Client) => Promise<T>): Promise<T> {
    return this.run(async (client) => {
      await client.query("BEGIN");
      try {
        const result = await work(client);
        await client.query("COMMIT");
        return result;
      } catch (error) {
        if (!endsConnection(error)) await client.query("ROLLBACK");
        throw error;
      }
    });
  }

  /** Runs `work` when those before it are done. */
  run<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const turn = this.#queue.then(() => this.#work(work));
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  /** Ends the connection. What runs on it fails. */
  async close(): Promise<void> {
    this.#closed = true;
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) await endClient(client);
  }

  async #work<T>(work: (client: Client) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#connected());
    } catch (error) {
      if (endsConnection(error)) this.#drop();
      throw databaseError(error, this.#connections.store);
    }
  }

  async #connected(): Promise<Client> {
    if (this.#client !== undefined) return this.#client;
    const client = await this.#connections.open({ query_timeout: this.#options.timeoutMs });
    if (this.#closed) {
      await endClient(client);
      throw new Error("Connection terminated by its own side");
    }
    client.once("end", () => {
      if (this.#client === client) this.#client = undefined;
    });
    try {
      await this.#options.setup?.(client);
    } catch (error) {
      void endClient(client);
      throw error;
    }
    this.#client = client;
    return client;
  }

  #drop(): void {
    const client = this.#client;
    this.#client = undefined;
    // It may be half-open: nobody waits for its goodbye.
    if (client !== undefined) void endClient(client);
  }
}
