import { realpathSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Clock, sleep } from "@waybill/core/spi";
import { outboxErrors } from "../../outbox-errors.ts";
import { fileError, isBusy } from "./sqlite-errors.ts";

/** The one name of a database file, whichever way it was spelled. Throws WB_STORE_PATH where there can be no such file. */
export function canonicalPath(path: string): string {
  if (typeof path !== "string") {
    throw outboxErrors.WB_OUTBOX_OPTION({ option: "path", problem: "must be the path of a file" });
  }
  if (path === "" || path === ":memory:") {
    throw outboxErrors.WB_STORE_PATH({ path, problem: "a database in memory is lost with the process" });
  }
  const file = resolve(path);
  const folder = look(path, dirname(file));
  if (folder === undefined) throw outboxErrors.WB_STORE_PATH({ path, problem: "its folder does not exist" });
  if (!folder.isDirectory()) throw outboxErrors.WB_STORE_PATH({ path, problem: "what should be its folder is a file" });
  const found = look(path, file);
  if (found === undefined) return join(realpathSync(dirname(file)), basename(file));
  if (found.isDirectory()) throw outboxErrors.WB_STORE_PATH({ path, problem: "it is a folder" });
  return realpathSync(file);
}

/** What is there, if anything. Throws WB_STORE_PATH where the system does not even look, such as for a name that is too long. */
function look(path: string, at: string): Stats | undefined {
  try {
    return statSync(at, { throwIfNoEntry: false });
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    const problem = code === "ERR_INVALID_ARG_VALUE" ? "it holds a NUL character" : `the system refuses it (${code})`;
    throw outboxErrors.WB_STORE_PATH({ path, problem }, error);
  }
}

/**
 * Opens a connection that never waits inside SQLite, where a wait would freeze the event loop: `busy_timeout` is zero, and who
 * finds the file locked comes back later.
 */
export async function connect(path: string, busyTimeoutMs: number, clock: Clock): Promise<DatabaseSync> {
  let db: DatabaseSync | undefined;
  try {
    const opened = new DatabaseSync(path, { timeout: 0 });
    db = opened;
    await retryWhileBusy(path, busyTimeoutMs, clock, undefined, () => {
      const mode = opened.prepare("PRAGMA journal_mode = WAL").get()?.journal_mode;
      if (mode !== "wal") {
        throw outboxErrors.WB_STORE_PATH({ path, problem: `it cannot use a write-ahead log (journal mode ${mode})` });
      }
      // FULL: a commit has reached the disk when it returns. The limit gives the space of a large log back.
      opened.exec("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864");
    });
    return opened;
  } catch (error) {
    if (db?.isOpen) db.close();
    throw fileError(error, path);
  }
}

/**
 * Runs `attempt` until another process no longer has the file locked. The pauses are short, random and do not grow: a writer that
 * works without a break leaves only small gaps, and whoever sleeps longer meets fewer of them.
 */
export async function retryWhileBusy<T>(
  path: string,
  busyTimeoutMs: number,
  clock: Clock,
  signal: AbortSignal | undefined,
  attempt: () => T,
): Promise<T> {
  const started = clock.monotonic();
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error)) throw error;
      const waitedMs = Math.round(clock.monotonic() - started);
      if (waitedMs >= busyTimeoutMs) throw outboxErrors.WB_STORE_BUSY({ path, waitedMs }, error);
    }
    await sleep(clock, 1 + Math.random() * 3, signal);
    signal?.throwIfAborted();
  }
}
