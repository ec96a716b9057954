import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { freePort, launchServer, type ServerProcess } from "../servers/launch-server.ts";
import { onThePath } from "../servers/on-the-path.ts";
import { Unavailable } from "../servers/unavailable.ts";

export interface RunningMariadb {
  /** Of no database, as a user who may do everything. */
  readonly url: string;
  /** True where this process started the server and may restart it. */
  readonly isOurs: boolean;
  /** Of the server, as it is now, where it is ours. */
  readonly pid: number;
  /** Makes an empty database and answers its URL. */
  database(): Promise<string>;
  /** Runs one statement, in the database that `url` names. Answers its rows. */
  query(sql: string, url?: string): Promise<RowDataPacket[]>;
  /** Ends every connection of clients to one database: as a failover or an administrator does. */
  killConnections(url: string): Promise<void>;
  /** Stops the server; `crash` kills it, and the next start recovers. */
  halt(how?: "fast" | "crash"): Promise<void>;
  /** Starts it again on the same port, over the same data. */
  resume(): Promise<void>;
  /** Ends it for good and removes its data; of a server that is not ours, the databases made here. Idempotent. */
  stop(): Promise<void>;
}

export interface MariadbOptions {
  /** Whether a commit waits for the disk. Default false: a test kills processes, not machines. Benchmarks set it. */
  readonly fsync?: boolean;
  /** Where the data is. Default: a new temporary folder. */
  readonly data?: string;
  /** Further options of the server. */
  readonly args?: readonly string[];
}

/**
 * The server of `WAYBILL_TEST_MYSQL_URL`; else a MariaDB of this machine (Debian: `mariadb-server`) on a free loopback port, about 2 s
 * later. It ends with this process, however this process ends. Rejects with `Unavailable` where there is none.
 */
export async function startMariadb(options: MariadbOptions = {}): Promise<RunningMariadb> {
  const given = process.env.WAYBILL_TEST_MYSQL_URL;
  if (given !== undefined && given !== "") return new Mariadb(given, undefined);
  const program = onThePath("mariadbd");
  const installer = onThePath("mariadb-install-db");
  if (program === undefined || installer === undefined) {
    throw new Unavailable(
      "No mariadbd on the PATH and no WAYBILL_TEST_MYSQL_URL: install mariadb-server (Debian, Ubuntu) or mariadb (Homebrew).",
    );
  }
  const folder = await mkdtemp(join(tmpdir(), "waybill-mariadb-"));
  try {
    const data = options.data ?? join(folder, "data");
    await mkdir(data, { recursive: true });
    const user = `--user=${userInfo().username}`;
    const install = [
      "--no-defaults",
      `--datadir=${data}`,
      "--auth-root-authentication-method=normal",
      "--skip-test-db",
    ];
    // Its temporary tables are files: not beside those of another that starts now.
    await promisify(execFile)(installer, [...install, user], { cwd: folder, env: { ...process.env, TMPDIR: folder } });
    const port = await freePort();
    const args = [
      "--no-defaults",
      user,
      `--datadir=${data}`,
      `--socket=${join(folder, "socket")}`,
      `--pid-file=${join(folder, "pid")}`,
      `--port=${port}`,
      "--bind-address=127.0.0.1",
      "--skip-name-resolve",
      "--skip-log-bin",
      `--innodb-flush-log-at-trx-commit=${options.fsync === true ? 1 : 2}`,
      "--innodb-buffer-pool-size=128M",
      ...(options.args ?? []),
    ];
    const server = new Mariadb(`mysql://root@127.0.0.1:${port}`, { program, args, folder });
    await server.resume();
    return server;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

interface Own {
  readonly program: string;
  readonly args: readonly string[];
  readonly folder: string;
}

class Mariadb implements RunningMariadb {
  readonly url: string;
  readonly #own: Own | undefined;
  readonly #made: string[] = [];
  #server: ServerProcess | undefined;

  constructor(url: string, own: Own | undefined) {
    this.url = url;
    this.#own = own;
  }

  get isOurs(): boolean {
    return this.#own !== undefined;
  }

  get pid(): number {
    if (this.#server === undefined) throw new Error("This MariaDB is halted, or not ours.");
    return this.#server.pid;
  }

  async database(): Promise<string> {
    const name = `t_${randomUUID().replaceAll("-", "")}`;
    await this.query(`CREATE DATABASE ${name}`);
    this.#made.push(name);
    const url = new URL(this.url);
    url.pathname = `/${name}`;
    return url.href;
  }

  async query(sql: string, url: string = this.url): Promise<RowDataPacket[]> {
    const connection = await createConnection(url);
    try {
      const [rows] = await connection.query<RowDataPacket[]>(sql);
      return rows;
    } finally {
      await connection.end();
    }
  }

  async killConnections(url: string): Promise<void> {
    const name = new URL(url).pathname.slice(1);
    for (const { id } of await this.query(
      `SELECT id FROM information_schema.processlist WHERE db = '${name}' AND id <> connection_id()`,
    )) {
      try {
        await this.query(`KILL CONNECTION ${id}`);
      } catch (error) {
        // It has gone by itself.
        if ((error as { code?: string }).code !== "ER_NO_SUCH_THREAD") throw error;
      }
    }
  }

  async halt(how: "fast" | "crash" = "fast"): Promise<void> {
    if (this.#own === undefined) throw new Error("This server was not started here: it cannot be halted.");
    const server = this.#server;
    this.#server = undefined;
    await server?.end(how === "fast" ? "SIGTERM" : "SIGKILL");
  }

  async resume(): Promise<void> {
    if (this.#own === undefined) throw new Error("This server was not started here.");
    this.#server = await launchServer({ ...this.#own, ready: "ready for connections" });
  }

  async stop(): Promise<void> {
    if (this.#own === undefined) {
      for (const name of this.#made.splice(0)) await this.query(`DROP DATABASE IF EXISTS ${name}`);
      return;
    }
    await this.halt("crash");
    await rm(this.#own.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
