import { isWaybillError } from "@waybill/core";

/** What a process of the run tells its parent. */
export interface Told {
  /** It is at work. */
  readonly ready?: true;
  /** So many more events are committed, or consumed. */
  readonly done?: number;
  /** Something failed and will be tried again: its code. */
  readonly trouble?: string;
  /** Something must not be so. */
  readonly problem?: string;
  /** Bytes of memory of this process, and events that its relay holds. */
  readonly rss?: number;
  readonly held?: number;
}

/** What the parent tells a process. */
export interface Order {
  /** Each writer goes on up to so many events. */
  readonly allow?: number;
  /** A writer kills itself in the middle of its next transaction. */
  readonly die?: true;
  /** Writers end, each with the transaction that it is in. */
  readonly enough?: true;
}

export function tell(told: Told): void {
  if (process.connected) process.send?.(told);
}

/** Never outlives the run, however that one ends; Ctrl-C at the terminal is the parent's matter. */
export function followParent(onOrder: (order: Order) => void = () => undefined): void {
  process.on("SIGINT", () => undefined);
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  process.on("message", onOrder);
}

/** The code of an error, or what else there is to tell kinds apart. */
export function codeOf(error: unknown): string {
  if (isWaybillError(error)) return error.code;
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return `${code ?? ""} ${message ?? error}`.trim().slice(0, 200);
}
