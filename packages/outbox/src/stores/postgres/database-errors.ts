import { isWaybillError } from "@waybill/core";
import { NETWORK_KINDS } from "@waybill/core/spi";
import { postgresErrors } from "./postgres-errors.ts";

/** Classes and codes of SQLSTATE. https://www.postgresql.org/docs/current/errcodes-appendix.html */
const DISK_FULL = "53100";
const MISSING = new Set(["42P01", "3F000", "42703", "42704"]);
const DENIED = "42501";
const LOCK_NOT_AVAILABLE = "55P03";
const READ_ONLY = "25006";
/**
 * Administrator or server ends the connection, the latter also after a limit of time for a transaction; server starts or is in recovery; too many
 * connections; refused.
 */
const NO_CONNECTION = /^(08...|57P0[1-5]|25P0[34]|53300|28...|3D000)$/;
/** `ENOENT`: no server at a socket of this machine. */
const NETWORK = new Set([...Object.keys(NETWORK_KINDS), "ENOENT"]);

/** The SQLSTATE, where the server itself answered with an error. */
function sqlState(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return typeof code === "string" && typeof severity === "string" ? code : undefined;
}

/**
 * True when the connection is of no use any more: the server ended it, nothing was heard from the server at all, or it takes no writes: that of a
 * server which became a standby never will again.
 */
export function endsConnection(error: unknown): boolean {
  const state = sqlState(error);
  return state === undefined ? !isWaybillError(error) : state === READ_ONLY || NO_CONNECTION.test(state);
}

/** True when another transaction kept a row for longer than `lock_timeout` allows to wait. */
export function isLockTimeout(error: unknown): boolean {
  return sqlState(error) === LOCK_NOT_AVAILABLE;
}

/** Turns what the server or the driver says about the store into an error with a hint; anything else comes back as it was. */
export function databaseError(error: unknown, store: string): unknown {
  if (isWaybillError(error)) return error;
  const state = sqlState(error);
  const problem = error instanceof Error ? error.message : String(error);
  if (state === DISK_FULL) return postgresErrors.WB_POSTGRES_DISK({ store, problem }, error);
  if (state === READ_ONLY) return postgresErrors.WB_POSTGRES_READ_ONLY({ store, problem }, error);
  if (state === DENIED) return postgresErrors.WB_POSTGRES_PERMISSION({ store, problem }, error);
  if (state !== undefined && MISSING.has(state)) {
    return postgresErrors.WB_POSTGRES_TABLE_MISSING({ store, problem }, error);
  }
  const { code } = (error ?? {}) as { code?: unknown };
  const isNetwork = typeof code === "string" && NETWORK.has(code);
  if (isNetwork || (state !== undefined && NO_CONNECTION.test(state)) || isDriverLoss(problem)) {
    return postgresErrors.WB_POSTGRES_CONNECTION({ store, problem }, error);
  }
  return error;
}

/** `pg` gives its own errors of a lost connection no code. */
function isDriverLoss(problem: string): boolean {
  return /Connection terminated|Client has encountered a connection error|not queryable|timeout expired|read timeout|timeout exceeded/i.test(
    problem,
  );
}
