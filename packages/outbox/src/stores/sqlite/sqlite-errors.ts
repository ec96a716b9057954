import { outboxErrors } from "../../outbox-errors.ts";

export const SQLITE_ERROR = 1;
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;

/** True for an error of SQLite itself; with `code`, only for that primary result code. */
export function isSqliteError(error: unknown, code?: number): boolean {
  const { errcode } = (error ?? {}) as { errcode?: unknown };
  // Extended codes carry the primary one in their low byte.
  return typeof errcode === "number" && (code === undefined || (errcode & 0xff) === code);
}

/** True when another connection is in the way and a later try may pass. */
export function isBusy(error: unknown): boolean {
  return isSqliteError(error, SQLITE_BUSY) || isSqliteError(error, SQLITE_LOCKED);
}

/** True when SQLite refuses to write to the file. A connection that was opened so stays so, whatever becomes of the file's permissions. */
export function isReadOnly(error: unknown): boolean {
  return isSqliteError(error, SQLITE_READONLY);
}

/** Runs statements of our own; what SQLite says about the file is thrown as {@link fileError} has it. */
export function onFile<T>(path: string, statements: () => T): T {
  try {
    return statements();
  } catch (error) {
    throw fileError(error, path);
  }
}

/** Turns what SQLite says about the file itself into an error with a hint; anything else comes back as it was. */
export function fileError(error: unknown, path: string): unknown {
  if (isSqliteError(error, SQLITE_NOTADB) || isSqliteError(error, SQLITE_CORRUPT)) {
    return outboxErrors.WB_STORE_NOT_A_DATABASE({ path }, error);
  }
  if (isSqliteError(error, SQLITE_READONLY)) return outboxErrors.WB_STORE_READ_ONLY({ path }, error);
  if (isSqliteError(error, SQLITE_CANTOPEN)) {
    return outboxErrors.WB_STORE_PATH({ path, problem: "the file or its folder may not be opened for writing" }, error);
  }
  if (isSqliteError(error, SQLITE_FULL)) return outboxErrors.WB_STORE_DISK({ path, problem: "it is full" }, error);
  if (isSqliteError(error, SQLITE_IOERR)) {
    return outboxErrors.WB_STORE_DISK({ path, problem: "reading or writing failed" }, error);
  }
  // SQLite has no code for it.
  const { message = "" } = (error ?? {}) as { message?: string };
  if (isSqliteError(error, SQLITE_ERROR) && /^(no such (table|column)|table .* has no column)/.test(message)) {
    return outboxErrors.WB_STORE_TABLE_MISSING({ path, problem: message }, error);
  }
  return error;
}
