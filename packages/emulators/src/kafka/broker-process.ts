import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { PortTaken } from "./port-taken.ts";

/** Beside this file, as source and as built. */
const GUARD = fileURLToPath(new URL(`./kafka-guard${extname(fileURLToPath(import.meta.url))}`, import.meta.url));

const READY = "Kafka Server started";
const START_MS = 60_000;
/** How long a broker may take to shut down by itself. It needs 0.2–0.5 s; one that was stopped in its tracks never will. */
const STOP_MS = 10_000;
const KEPT_LINES = 40;

export interface BrokerProcess {
  readonly pid: number;
  /** Resolves when the process is gone and, where it was given one to remove, its folder. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Runs the broker under its guard until it says that it is up. It ends with this process, however this process ends, and keeps it from
 * nothing: not from exiting, and a Ctrl-C at the terminal does not reach the broker.
 *
 * Rejects with what the broker printed when it ends before that or is not up within 60 s; with `PortTaken` when that was the reason.
 */
export async function launchBroker(java: string, args: readonly string[], remove: string): Promise<BrokerProcess> {
  const guard = fork(GUARD, [String(STOP_MS), remove, java, ...args], {
    execArgv: [],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    detached: process.platform !== "win32",
  });
  const gone = once(guard, "exit").then(() => undefined);
  let pid: number | undefined;
  guard.on("message", (message: { pid: number }) => {
    pid = message.pid;
  });

  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= end(guard, gone, () => pid);
    return stopping;
  };
  try {
    await isUp(guard, gone);
  } catch (error) {
    await stop();
    throw error;
  }
  letParentGo(guard);
  // A guard that was killed cannot end its broker any more. (One that ended by itself has seen the broker's end: its id may be another's.)
  guard.once("exit", (_code, signal) => signal !== null && killHard(pid));
  return { pid: pid as number, stop };
}

async function isUp(guard: ChildProcess, gone: Promise<void>): Promise<void> {
  const printed: string[] = [];
  const closed: Promise<unknown>[] = [];
  const up = new Promise<true>((resolve) => {
    for (const stream of [guard.stdout, guard.stderr]) {
      const lines = createInterface({ input: stream! });
      closed.push(once(lines, "close"));
      lines.on("line", (line) => {
        if (printed.push(line) > KEPT_LINES) printed.shift();
        if (line.includes(READY)) resolve(true);
      });
    }
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, START_MS, `was not up within ${START_MS / 1000} s`);
  });
  const ended = Promise.all([gone, ...closed]).then(() => "ended before it was up");
  const result = await Promise.race([up, ended, late]);
  clearTimeout(timer);
  if (result === true) return;
  const said = printed.filter((line) => !/^\s+at /.test(line));
  const port = said.map((line) => /failed to bind to [^ :]+:(\d+)/.exec(line)?.[1]).find(Boolean);
  if (port !== undefined) throw new PortTaken(port);
  throw new Error(`Kafka ${result}. It printed:\n${said.join("\n")}`);
}

function letParentGo(guard: ChildProcess): void {
  for (const stream of [guard.stdout, guard.stderr]) (stream as unknown as { unref?: () => void } | null)?.unref?.();
  guard.channel?.unref();
  guard.unref();
}

async function end(guard: ChildProcess, gone: Promise<void>, pid: () => number | undefined): Promise<void> {
  if (guard.exitCode !== null || guard.signalCode !== null) return;
  guard.ref();
  if (guard.connected) guard.disconnect();
  const killer = setTimeout(() => {
    killHard(pid());
    guard.kill("SIGKILL");
  }, 2 * STOP_MS);
  await gone;
  clearTimeout(killer);
}

function killHard(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
