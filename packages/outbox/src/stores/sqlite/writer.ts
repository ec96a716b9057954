import { AsyncLocalStorage } from "node:async_hooks";
import { type Stats, statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { isWaybillError } from "@waybill/core";
import { type Clock, orAbort, sleep, systemClock } from "@waybill/core/spi";
import { outboxErrors } from "../../outbox-errors.ts";
import { connect, retryWhileBusy } from "./connection.ts";
import { migrate } from "./schema.ts";
import { fileError, isReadOnly } from "./sqlite-errors.ts";
import { statement } from "./statements.ts";

interface Job {
  readonly work: (db: DatabaseSync) => unknown;
  /** Runs code in the caller's asynchronous context: its trace, not that of whoever started the queue. */
  readonly inContext: <T>(code: () => T) => T;
  readonly signal: AbortSignal | undefined;
  readonly keepErrors: boolean;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export interface WriteOptions {
  readonly signal?: AbortSignal | undefined;
  /** Before all that waits: for what must not be late, such as a lease. */
  readonly urgent?: boolean;
  /** The work is the application's: what it throws reaches it as it is. The store's own errors of SQLite are given words. */
  readonly keepErrors?: boolean;
}

/** Transactions that may share one commit, and how long the first of them waits for the last to begin. */
const MAX_SHARED = 64;
const SHARE_MS = 2;

interface Inside {
  readonly path: string;
  readonly outer: Inside | undefined;
  open: boolean;
}

/** Marks the code that runs inside a transaction, by file, so that one which would wait for itself is refused. */
const inside = new AsyncLocalStorage<Inside | undefined>();

/**
 * All write transactions of this process on one file, one after the other on one connection. Two would freeze each other: SQLite
 * waits for a lock inside the only thread that could give it back.
 *
 * What waits together may share a commit, since the disk flush costs more than the work: each runs in a savepoint of its own, never
 * interleaved, so a failure undoes its own writes only. Nobody is answered before the commit.
 */
export class Writer {
  readonly #path: string;
  readonly #busyTimeoutMs: number;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #queue: Job[] = [];
  #running: Promise<void> | undefined;
  #db: DatabaseSync | undefined;
  /** What was first opened: the readers have it too. */
  #file: Stats | undefined;
  #hasNews = false;
  #closed = false;
  /** The connection is closed after the commit: work that ignored its signal still has it, or it can only read. */
  #spent = false;
  /** Off for a while after a shared commit failed: whose fault it was is not known then. */
  #shareAfter = 0;

  constructor(path: string, busyTimeoutMs: number, clock: Clock = systemClock) {
    this.#path = path;
    this.#busyTimeoutMs = busyTimeoutMs;
    this.#clock = clock;
  }

  /**
   * Runs `work` in a write transaction, in order of calls. Resolves once it is committed; rejects with what `work` threw, or the
   * signal's reason, after undoing it.
   */
  run<T>(work: (db: DatabaseSync) => T | Promise<T>, options: WriteOptions = {}): Promise<T> {
    for (let around = inside.getStore(); around !== undefined; around = around.outer) {
      if (around.open && around.path === this.#path) {
        return Promise.reject(outboxErrors.WB_STORE_NESTED({ path: this.#path }));
      }
    }
    if (this.#closed) return Promise.reject(outboxErrors.WB_STORE_CLOSED({ path: this.#path }));
    return new Promise<T>((resolve, reject) => {
      const inContext = AsyncLocalStorage.snapshot();
      const job: Job = {
        work,
        inContext,
        signal: options.signal,
        keepErrors: options.keepErrors === true,
        resolve: resolve as (value: unknown) => void,
        reject,
      };
      if (options.urgent) this.#queue.unshift(job);
      else this.#queue.push(job);
      this.#running ??= inside.exit(() => this.#drain());
    });
  }

  /** Calls `listener` after commits of this process that added rows to the outbox. Answers how to stop. */
  onNews(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Rows were added through `db`: by our own transaction, told after its commit, or by the caller's, which may commit any moment. */
  addedRows(db: DatabaseSync): void {
    if (db === this.#db) this.#hasNews = true;
    else this.#tell();
  }

  async close(): Promise<void> {
    this.#closed = true;
    while (this.#running !== undefined) await this.#running;
    if (this.#db?.isOpen) this.#db.close();
    this.#db = undefined;
  }

  async #drain(): Promise<void> {
    // The caller's turn ends first, so that what it starts together waits together.
    await undefined;
    while (this.#queue.length > 0) await this.#group();
    this.#running = undefined;
  }

  async #group(): Promise<void> {
    const first = this.#queue.shift()!;
    if (first.signal?.aborted) return first.reject(first.signal.reason);
    let db: DatabaseSync;
    try {
      db = await this.#begin(first.signal);
    } catch (error) {
      // The next try connects anew: the file may be writable by then.
      if (isReadOnly(error) && this.#db?.isOpen) this.#db.close();
      return first.reject(fileError(error, this.#path));
    }
    const started = this.#clock.monotonic();
    const share = this.#queue.length > 0 && started >= this.#shareAfter;
    const settled: (() => void)[] = [];
    const failed: ((error: unknown) => void)[] = [];
    this.#hasNews = false;

    let job: Job | undefined = first;
    while (job !== undefined) {
      const going = await this.#job(db, job, share, settled, failed);
      const more = going && share && settled.length < MAX_SHARED && this.#clock.monotonic() - started < SHARE_MS;
      job = more ? this.#queue.shift() : undefined;
    }
    this.#commit(db, settled, failed);
    await this.#leaveGap(this.#clock.monotonic() - started);
  }

  /** Runs one job; `false` when the transaction must end with it. */
  async #job(
    db: DatabaseSync,
    job: Job,
    share: boolean,
    settled: (() => void)[],
    failed: ((error: unknown) => void)[],
  ): Promise<boolean> {
    if (job.signal?.aborted) {
      job.reject(job.signal.reason);
      return true;
    }
    const hadNews = this.#hasNews;
    let context: Inside | undefined;
    let left = false;
    try {
      if (share) statement(db, "SAVEPOINT waybill_job").run();
      const running = job.inContext(() => {
        context = { path: this.#path, outer: inside.getStore(), open: true };
        return inside.run(context, () => job.work(db));
      });
      const value =
        running instanceof Promise ? await orAbort(running, job.signal, () => (left = true)) : (running as unknown);
      if (!db.isOpen || !db.isTransaction) throw outboxErrors.WB_STORE_TRANSACTION_ENDED({ path: this.#path });
      if (share) statement(db, "RELEASE waybill_job").run();
      settled.push(() => job.resolve(value));
      failed.push(job.reject);
      return true;
    } catch (thrown) {
      const error = job.keepErrors ? thrown : fileError(thrown, this.#path);
      this.#hasNews = hadNews;
      if (db.isOpen && db.isTransaction) {
        db.exec(share ? "ROLLBACK TO waybill_job; RELEASE waybill_job" : "ROLLBACK");
      }
      settled.push(() => job.reject(error));
      failed.push(() => job.reject(error));
      // Work that goes on after its signal still has the handle. It must not write into the next transaction.
      if (left || isReadOnly(thrown) || isWaybillError(thrown, "WB_STORE_READ_ONLY")) this.#spent = true;
      return db.isOpen && db.isTransaction && !left;
    } finally {
      if (context !== undefined) (context as Inside).open = false;
    }
  }

  #commit(db: DatabaseSync, settled: (() => void)[], failed: ((error: unknown) => void)[]): void {
    const alone = settled.length === 1;
    try {
      if (db.isOpen && db.isTransaction) statement(db, "COMMIT").run();
      else if (!alone) throw outboxErrors.WB_STORE_TRANSACTION_ENDED({ path: this.#path });
      for (const settle of settled) settle();
      if (this.#hasNews) this.#tell();
    } catch (error) {
      if (db.isOpen && db.isTransaction) db.exec("ROLLBACK");
      if (isReadOnly(error)) this.#spent = true;
      if (!alone) this.#shareAfter = this.#clock.monotonic() + 1_000;
      for (const fail of failed) fail(fileError(error, this.#path));
    }
    if (this.#spent) {
      this.#spent = false;
      if (db.isOpen) db.close();
    }
  }

  async #begin(signal: AbortSignal | undefined): Promise<DatabaseSync> {
    this.#checkFile();
    if (this.#db === undefined || !this.#db.isOpen) {
      const opened = await connect(this.#path, this.#busyTimeoutMs, this.#clock);
      this.#db = opened;
      this.#file ??= statSync(this.#path, { throwIfNoEntry: false });
      await retryWhileBusy(this.#path, this.#busyTimeoutMs, this.#clock, signal, () => opened.exec("BEGIN IMMEDIATE"));
      try {
        migrate(opened, this.#path);
        // SQLite opens a file that it may not write for reading, and begins such a transaction without a word: only a write tells.
        opened.exec("DELETE FROM main.waybill_schema WHERE 0; COMMIT");
      } catch (error) {
        opened.close();
        throw error;
      }
    }
    const db = this.#db;
    await retryWhileBusy(this.#path, this.#busyTimeoutMs, this.#clock, signal, () =>
      statement(db, "BEGIN IMMEDIATE").run(),
    );
    return db;
  }

  /** SQLite would go on writing into a file that has no name any more, and whose content is gone with the process. */
  #checkFile(): void {
    if (this.#file === undefined) return;
    const found = statSync(this.#path, { throwIfNoEntry: false });
    if (found?.ino === this.#file.ino && found.dev === this.#file.dev) return;
    throw outboxErrors.WB_STORE_FILE_GONE({ path: this.#path });
  }

  /**
   * After a long transaction, leaves the file unlocked for a moment before the next: another process, which can only knock now
   * and then, would otherwise find it locked nearly always.
   */
  async #leaveGap(heldMs: number): Promise<void> {
    if (heldMs >= 5 && this.#queue.length > 0) await sleep(this.#clock, Math.min(10, Math.max(4, heldMs / 10)));
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
