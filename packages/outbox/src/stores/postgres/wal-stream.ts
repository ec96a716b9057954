import { randomUUID } from "node:crypto";
import { isWaybillError } from "@waybill/core";
import type { Clock, Timer } from "@waybill/core/spi";
import type { Client } from "pg";
import { atMost } from "../../at-most.ts";
import { type Connections, endClient } from "./connections.ts";
import { databaseError } from "./database-errors.ts";
import { describesTable, endsTransaction, type LoggedRow, NotPublished, PgOutput } from "./pgoutput.ts";
import { postgresErrors } from "./postgres-errors.ts";
import { checkPublication, ensurePublication, notPublished } from "./publication.ts";
import { type Replication, startReplication } from "./replication.ts";
import type { Tables } from "./tables.ts";

/** Beyond this the relay is too slow for the log, which the server must then not keep for it: it reads the table instead. */
const MAX_ROWS = 20_000;
const MAX_BYTES = 32 * 1024 * 1024;
const CONFIRM_MS = 1_000;
/** So much of a transaction that is still arriving is handed out before its end. */
const PART_ROWS = 1_000;
const PART_BYTES = MAX_BYTES / 4;
/** The publication may be changed while a stream runs, which then brings nothing and says nothing. */
const CHECK_MS = 30_000;
const FIRST_PAUSE_MS = 500;
const OVERFLOW_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 30_000;
const CLOSE_MS = 1_000;

export interface WalStreamOptions {
  readonly connections: Connections;
  readonly tables: Tables;
  readonly clock: Clock;
  readonly onRows: () => void;
  /** A stream began or ended. */
  readonly onSession: () => void;
  readonly onTrouble: (error: unknown) => void;
}

/**
 * The rows that are committed from now on, out of the write-ahead log. Its slot is temporary: it ends with the connection, so that a relay
 * that is stopped, dead or cut off keeps no log on the server's disk, and none has to be handed over. What the stream misses meanwhile is in
 * the table.
 */
export class WalStream {
  readonly #options: WalStreamOptions;
  #client: Client | undefined;
  #replication: Replication | undefined;
  #timer: Timer | undefined;
  #rows: LoggedRow[] = [];
  #bytes = 0;
  /** Of the rows, those that may be taken: of whole transactions, each of which the server sends as one message a row. */
  #whole = 0;
  #wanted = false;
  #connecting: Promise<void> | undefined;
  #failures = 0;
  #sessions = 0;

  constructor(options: WalStreamOptions) {
    this.#options = options;
  }

  /**
   * What can be relied on now, if anything: a new object for each stream, and whenever a stream may have missed something. Transactions with
   * ids from `sinceXid` on began after that, and arrive.
   */
  session: { readonly sinceXid: number } | undefined;

  /** Keeps a stream open, or none. */
  want(wanted: boolean): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.#timer?.clear();
    this.#timer = undefined;
    if (wanted) this.#connect();
    else this.#end();
  }

  /** The rows that have arrived, in order of commits. */
  take(): LoggedRow[] {
    const rows = this.#rows.splice(0, this.#whole);
    this.#whole = 0;
    for (const { event } of rows) this.#bytes -= event.length;
    return rows;
  }

  async close(): Promise<void> {
    this.want(false);
    // A connection that is still being made ends by itself as soon as it is.
    if (this.#connecting !== undefined) await atMost(this.#options.clock, CLOSE_MS, this.#connecting);
  }

  #connect(): void {
    if (!this.#wanted || this.#connecting !== undefined) return;
    this.#connecting = this.#open()
      .catch((error) => this.#lost(error))
      .finally(() => {
        this.#connecting = undefined;
      });
  }

  async #open(): Promise<void> {
    const { connections, tables } = this.#options;
    await ensurePublication(connections, tables);
    const client = await connections.open({ replication: "database" });
    if (!this.#wanted) return endClient(client);
    this.#client = client;
    client.once("end", () => this.#lost(new Error("Connection terminated"), client));
    const slot = `waybill_${randomUUID().replaceAll("-", "")}`;
    // Waits for transactions that are open now: until then the table is read.
    await client.query(`CREATE_REPLICATION_SLOT "${slot}" TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT`);
    const reader = new PgOutput();
    this.#replication = startReplication(
      client,
      `START_REPLICATION SLOT "${slot}" LOGICAL 0/0 (proto_version '1', publication_names '${tables.publication.replaceAll('"', '""')}')`,
      {
        started: () => {
          this.#confirmSoon(client, this.#options.clock.monotonic() + CHECK_MS);
          this.#beginSession(client).catch((error) => this.#lost(error, client));
        },
        message: (message) => {
          // What a stream that has been given up still brings.
          if (client !== this.#client) return;
          try {
            if (describesTable(message)) {
              // So it is after VACUUM, and after a change of the publication, in which the table may have been left out for a while.
              this.session = undefined;
              this.#beginSession(client).catch((error) => this.#lost(error, client));
            }
            const row = reader.read(message);
            if (row !== undefined) this.#arrived(row);
            else if (endsTransaction(message)) this.#complete();
          } catch (error) {
            this.#lost(error instanceof NotPublished ? notPublished(connections, tables) : error, client);
          }
        },
        ended: (error) => this.#lost(error, client),
      },
    );
  }

  async #beginSession(client: Client): Promise<void> {
    const asked = ++this.#sessions;
    // A new id is above all that are in use, those of transactions that are just being committed too.
    const sinceXid = await this.#options.connections.run(async (other) => {
      const { rows } = await other.query("SELECT pg_current_xact_id()::text AS xid");
      return Number(rows[0].xid);
    });
    if (client !== this.#client || asked !== this.#sessions) return;
    this.#failures = 0;
    this.session = { sinceXid };
    this.#options.onSession();
  }

  #arrived(row: LoggedRow): void {
    this.#rows.push(row);
    this.#bytes += row.event.length;
    if (this.#rows.length > MAX_ROWS || this.#bytes > MAX_BYTES) {
      this.#end();
      this.#again(OVERFLOW_PAUSE_MS);
    } else if (this.#rows.length >= this.#whole + PART_ROWS || this.#bytes >= PART_BYTES) this.#complete();
  }

  #complete(): void {
    if (this.#rows.length === this.#whole) return;
    this.#whole = this.#rows.length;
    this.#options.onRows();
  }

  #confirmSoon(client: Client, checkAtMs: number): void {
    const { clock, connections, tables } = this.#options;
    this.#timer = clock.after(CONFIRM_MS, () => {
      this.#replication?.confirm();
      const now = clock.monotonic();
      const isTime = now >= checkAtMs;
      if (isTime) {
        checkPublication(connections, tables).catch((error) => {
          if (isWaybillError(error, "WB_POSTGRES_PUBLICATION")) this.#lost(error, client);
        });
      }
      this.#confirmSoon(client, isTime ? now + CHECK_MS : checkAtMs);
    });
  }

  #lost(error: unknown, client = this.#client): void {
    if (client !== this.#client || !this.#wanted) return;
    this.#end();
    this.#options.onTrouble(replicationError(error, this.#options.connections.store));
    this.#again(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++));
  }

  #again(pauseMs: number): void {
    this.#timer?.clear();
    this.#timer = this.#options.clock.after(pauseMs, () => this.#connect(), { unref: true });
  }

  /** The slot ends with the connection. Rows that have arrived are read from the table again. */
  #end(): void {
    const client = this.#client;
    this.#client = undefined;
    this.#replication = undefined;
    this.session = undefined;
    this.#rows = [];
    this.#bytes = 0;
    this.#whole = 0;
    if (client !== undefined) void endClient(client);
    this.#options.onSession();
  }
}

/** Wrong wal_level, no slot left, no REPLICATION privilege; the relay goes on with the table meanwhile. */
const REFUSED = new Set(["55000", "53400", "42501", "0A000", "28000", "42704", "55006"]);

function replicationError(error: unknown, store: string): unknown {
  // Of an error that has its words already, what the server said.
  const said = (error as { cause?: unknown } | undefined)?.cause ?? error;
  const { code } = (said ?? {}) as { code?: unknown };
  const problem = said instanceof Error ? said.message : String(said);
  if (typeof code === "string" && REFUSED.has(code)) {
    return postgresErrors.WB_POSTGRES_REPLICATION({ store, problem }, error);
  }
  return databaseError(error, store);
}
