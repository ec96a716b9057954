import { EXIT } from "./exit-codes.ts";

/** What SIGINT and SIGTERM mean to a command: the first asks it to finish, the second ends it at once. */
export interface Shutdown {
  /** Aborts at the first signal. */
  readonly signal: AbortSignal;
  /** The exit code of a command that the signal cut short; undefined while none came. */
  readonly code: number | undefined;
  /** How long the command may take to finish after the first signal; without end unless it says so. Counts from the call when a signal came before. */
  finishWithin(ms: number): void;
  /** Resolves with the exit code when that time is over: the command hangs on something that does not answer. */
  readonly overdue: Promise<number>;
  dispose(): void;
}

export function listenForShutdown(exit: (code: number) => void): Shutdown {
  const controller = new AbortController();
  const overdue = Promise.withResolvers<number>();
  let code: number | undefined;
  let finishMs: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  const arm = () => {
    clearTimeout(timer);
    if (code !== undefined && finishMs !== undefined)
      timer = setTimeout(() => overdue.resolve(code as number), finishMs);
  };
  const on = (received: number) => () => {
    if (code !== undefined) exit(received);
    code ??= received;
    arm();
    controller.abort();
  };
  const onInterrupt = on(EXIT.interrupted);
  const onTerminate = on(EXIT.terminated);
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onTerminate);
  return {
    signal: controller.signal,
    get code() {
      return code;
    },
    finishWithin(ms) {
      finishMs = ms;
      arm();
    },
    overdue: overdue.promise,
    dispose() {
      clearTimeout(timer);
      process.off("SIGINT", onInterrupt);
      process.off("SIGTERM", onTerminate);
    },
  };
}
