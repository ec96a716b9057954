import { fork } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const GUARD = fileURLToPath(new URL("./postgres-guard.ts", import.meta.url));
const READY = "database system is ready to accept connections";
const START_MS = 60_000;
const STOP_MS = 10_000;
const KEPT_LINES = 40;

export interface ServerProcess {
  readonly pid: number;
  /** Sends the signal and resolves when the server is gone. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Runs the server under its guard until it says that it is ready. It ends with this process and keeps it from nothing. */
export async function launchServer(
  program: string,
  args: readonly string[],
  folder: string,
  uid: number | undefined,
): Promise<ServerProcess> {
  const guard = fork(GUARD, [`${STOP_MS}`, folder, `${uid ?? ""}`, program, ...args], {
    execArgv: [],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    // A Ctrl-C at the terminal must not reach the server.
    detached: true,
  });
  const gone = once(guard, "exit");
  let pid = 0;
  guard.on("message", (message: { pid: number }) => {
    pid = message.pid;
  });
  const printed: string[] = [];
  const lines = createInterface({ input: guard.stderr! });
  let timer: NodeJS.Timeout | undefined;
  const outcome = await Promise.race([
    new Promise<"ready">((resolve) => {
      lines.on("line", (line) => {
        if (printed.push(line) > KEPT_LINES) printed.shift();
        if (line.includes(READY)) resolve("ready");
      });
    }),
    gone.then(() => "ended before it was ready"),
    new Promise<string>((resolve) => {
      timer = setTimeout(resolve, START_MS, `was not ready within ${START_MS / 1000} s`);
    }),
  ]);
  clearTimeout(timer);
  if (outcome !== "ready") {
    if (guard.connected) guard.disconnect();
    throw new Error(`PostgreSQL ${outcome}. It printed:\n${printed.join("\n")}`);
  }
  (guard.stderr as unknown as { unref(): void }).unref();
  guard.channel?.unref();
  guard.unref();
  return {
    pid,
    async end(signal) {
      if (guard.exitCode !== null || guard.signalCode !== null) return;
      guard.ref();
      process.kill(pid, signal);
      // One that was stopped in its tracks hears nothing else.
      const killer = setTimeout(() => process.kill(pid, "SIGKILL"), STOP_MS);
      await gone;
      clearTimeout(killer);
    },
  };
}
