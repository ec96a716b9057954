import { isWaybillError } from "@waybill/core";
import { mysqlErrors } from "./mysql-errors.ts";

const LOCK_WAIT_TIMEOUT = 1205;
const DEADLOCK = 1213;
/** No such table, column or partition. */
const MISSING = new Set([1146, 1054, 1051, 1109, 1735]);
const PACKET_TOO_LARGE = new Set([1153, 1301]);
/** Access to server, database, table; wrong password; no such database. */
const REFUSED = new Set([1044, 1049, 1045, 1142, 1143, 1227, 1370, 1698, 1820]);
/** No room: of the server's disk, a table, a temporary file; what the storage engine could not write. */
const NO_ROOM = new Set([1021, 1114, 1026, 1030, 3, 1041]);
const READ_ONLY = new Set([1290, 1792, 1836, 3989]);
/** The server ends connections, or takes no more of them. */
const ENDED = new Set([1040, 1053, 1079, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1927, 2006, 2013, 4031]);

interface DriverError {
  readonly errno?: unknown;
  readonly code?: unknown;
  readonly fatal?: unknown;
  readonly message?: unknown;
  readonly sqlMessage?: unknown;
  readonly cause?: unknown;
}

/** The number of the server's error, wherever a library has wrapped it. */
function errnoOf(error: unknown): number | undefined {
  for (let one = error as DriverError | undefined, depth = 0; one !== undefined && one !== null && depth < 4; depth++) {
    if (typeof one.errno === "number" && one.errno > 0) return one.errno;
    one = one.cause as DriverError | undefined;
  }
  return undefined;
}

/** True when another transaction was in the way: ours is undone, and a second try may pass. */
export function isDeadlock(error: unknown): boolean {
  return errnoOf(error) === DEADLOCK;
}

/** True when another transaction kept a row for longer than the server waits. */
export function isLockTimeout(error: unknown): boolean {
  return errnoOf(error) === LOCK_WAIT_TIMEOUT;
}

/** True when the connection is of no more use. */
export function isConnectionLost(error: unknown): boolean {
  const { fatal, code, message } = (error ?? {}) as DriverError;
  const errno = errnoOf(error);
  return (
    fatal === true ||
    (errno !== undefined && ENDED.has(errno)) ||
    (typeof code === "string" && /^(PROTOCOL_|ECONN|ETIMEDOUT|EPIPE|EHOST|ENET|ENOTFOUND|EAI_AGAIN)/.test(code)) ||
    (typeof message === "string" && message.includes("closed state"))
  );
}

/** Turns what the server or the driver says about the store into an error with a hint; anything else comes back as it was. */
export function databaseError(error: unknown, store: string): unknown {
  if (isWaybillError(error)) return error;
  const errno = errnoOf(error);
  const { sqlMessage, message } = (error ?? {}) as DriverError;
  const at = { store, problem: String(sqlMessage || message || error) };
  if (errno !== undefined) {
    if (MISSING.has(errno)) return mysqlErrors.WB_MYSQL_TABLE_MISSING(at, error);
    if (REFUSED.has(errno)) return mysqlErrors.WB_MYSQL_REFUSED(at, error);
    if (NO_ROOM.has(errno)) return mysqlErrors.WB_MYSQL_DISK(at, error);
    if (READ_ONLY.has(errno)) return mysqlErrors.WB_MYSQL_READ_ONLY(at, error);
    if (PACKET_TOO_LARGE.has(errno)) return mysqlErrors.WB_MYSQL_PACKET(at, error);
    if (isDeadlock(error) || isLockTimeout(error)) return mysqlErrors.WB_MYSQL_LOCKED(at, error);
  }
  return isConnectionLost(error) ? mysqlErrors.WB_MYSQL_CONNECTION(at, error) : error;
}
