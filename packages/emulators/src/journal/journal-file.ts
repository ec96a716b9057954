import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Somebody who must write down what it counted before a commit. */
type BeforeCommit = () => void;

/**
 * A SQLite file to which changes are written in the tick in which they happen, one transaction a tick. A server calls `commit` before
 * its answers leave, so that no client ever hears of what a killed process would forget. SQLite, because it survives a kill at any
 * byte, compacts itself and comes with Node.
 *
 * Its transactions reach the operating system, not the disk: they outlive the process, not a machine that loses its power.
 */
export class JournalFile {
  readonly database: DatabaseSync;
  /** Set while the file is read back: what is put in its place again is not written again. */
  isReading = false;
  private readonly listeners: BeforeCommit[] = [];
  private isOpen = false;
  private isClosed = false;
  private failure: unknown;

  /** Throws when the folder cannot be written, or when another process has the file. */
  constructor(folder: string, name: string, schema: string) {
    mkdirSync(folder, { recursive: true });
    // Loaded only by those who keep data: the module prints a warning on some versions of Node.
    const { DatabaseSync } = createRequire(import.meta.url)("node:sqlite") as typeof import("node:sqlite");
    const path = join(folder, name);
    this.database = new DatabaseSync(path);
    try {
      this.database.exec("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;");
      this.database.exec(schema);
    } catch (error) {
      this.database.close();
      const text = error instanceof Error ? error.message : String(error);
      throw new Error(`The file ${path} cannot be used: ${text}. One emulator at a time can have a data folder.`, {
        cause: error,
      });
    }
  }

  prepare(sql: string): StatementSync {
    return this.database.prepare(sql);
  }

  beforeCommit(listener: BeforeCommit): void {
    this.listeners.push(listener);
  }

  /** Runs a change in the tick's transaction. A change that fails makes `commit` throw from then on. */
  write(change: () => void): void {
    if (this.isReading || this.isClosed || this.failure !== undefined) return;
    try {
      if (!this.isOpen) {
        this.database.exec("BEGIN");
        this.isOpen = true;
        // For changes that nobody waits for: a lock that ran out, a message that expired.
        process.nextTick(() => this.commitQuietly());
      }
      change();
    } catch (error) {
      this.failure = error;
    }
  }

  /** Makes what was written last. Throws when it could not be written: whoever waits for it must hear no good answer. */
  commit(): void {
    if (this.isOpen) {
      this.isOpen = false;
      try {
        for (const listener of this.listeners) listener();
        this.database.exec("COMMIT");
      } catch (error) {
        this.failure ??= error;
      }
    }
    if (this.failure !== undefined) throw this.failure;
  }

  close(): void {
    if (this.isClosed) return;
    this.commitQuietly();
    this.isClosed = true;
    this.database.close();
  }

  private commitQuietly(): void {
    if (this.isClosed) return;
    try {
      this.commit();
    } catch {
      // Kept: every answer from now on meets it.
    }
  }
}
