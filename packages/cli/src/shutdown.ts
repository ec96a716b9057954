import { EXIT } from "./exit-codes.ts";

/** What SIGINT and SIGTERM mean to a command: the first asks it to finish, the second ends it at once. */
export interface Shutdown {
  /** Aborts at the first signal. */
  readonly signal: AbortSignal;
  /** The exit code of a command that the signal cut short; undefined while none came. */
  readonly code: number | undefined;
  dispose(): void;
}

export function listenForShutdown(exit: (code: number) => void): Shutdown {
  const controller = new AbortController();
  let code: number | undefined;
  const on = (received: number) => () => {
    if (code !== undefined) exit(received);
    code ??= received;
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
    dispose() {
      process.off("SIGINT", onInterrupt);
      process.off("SIGTERM", onTerminate);
    },
  };
}
