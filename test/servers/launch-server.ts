import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const GUARD = fileURLToPath(new URL("./guard.ts", import.meta.url));
const START_MS = 60_000;
const STOP_MS = 10_000;
const KEPT_LINES = 40;

export interface ServerCommand {
  /** A full path, or a program on the PATH. */
  readonly program: string;
  readonly args: readonly string[];
  /** Its working directory, removed with this process should that die. */
  readonly folder: string;
  /** What it prints, on a line of its own, once it takes connections. */
  readonly ready: string;
  /** Whom it runs as, group alike. Default: this process's own user. */
  readonly uid?: number | undefined;
  /** What ends it should this process stop or die: in order first, by force 10 s later. Default SIGTERM, then SIGKILL. */
  readonly stopSignals?: readonly [inOrder: NodeJS.Signals, byForce: NodeJS.Signals];
}

export interface ServerProcess {
  readonly pid: number;
  /** Sends the signal and resolves when the server is gone. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Runs a server under a guard until it says that it is ready. It ends with this process and keeps it from nothing. */
export async function launchServer(command: ServerCommand): Promise<ServerProcess> {
  const { program, args, folder, uid, stopSignals = ["SIGTERM", "SIGKILL"] } = command;
  const guard = fork(GUARD, [`${STOP_MS}`, ...stopSignals, folder, `${uid ?? ""}`, program, ...args], {
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
        if (line.includes(command.ready)) resolve("ready");
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
    throw new Error(`${program} ${outcome}. It printed:\n${printed.join("\n")}`);
  }
  (guard.stderr as unknown as { unref(): void }).unref();
  guard.channel?.unref();
  guard.unref();
  return {
    pid,
    async end(signal) {
      if (guard.exitCode !== null || guard.signalCode !== null) return;
      guard.ref();
      send(pid, signal);
      // One that was stopped in its tracks hears nothing else.
      const killer = setTimeout(() => send(pid, "SIGKILL"), STOP_MS);
      await gone;
      clearTimeout(killer);
    },
  };
}

/** It may have ended by itself a moment ago. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** A loopback port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
