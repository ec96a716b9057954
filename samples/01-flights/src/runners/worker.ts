import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** What a process says once it is at work, through its channel to us; a process that says nothing is never waited for. */
type Ready = Readonly<Record<string, unknown>>;

export interface WorkerOptions {
  readonly name: string;
  /** Arguments of `node`: the script and its own. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Called at each start, with the process's id. */
  readonly started: (pid: number) => void;
  readonly note: (line: string) => void;
  readonly failed: (error: Error) => void;
}

export interface Worker {
  /** Resolves with its first message. */
  readonly ready: Promise<Ready>;
  /** SIGTERM, so that it drains; resolves when it is gone. */
  stop(): Promise<void>;
}

const GUARD = new URL("./end-with-parent.ts", import.meta.url).href;
/** A process that ends by itself so soon cannot start; one that is killed says nothing about that. */
const SHORT_LIFE_MS = 3_000;
const SHORT_LIVES = 4;
const STOP_MS = 30_000;
const KEEP_OUTPUT = 4_000;

/** Keeps a process at work: when it dies it is started again at once, as a supervisor in production would. */
export function startWorker(options: WorkerOptions): Worker {
  const { name, args, env, note, failed, started } = options;
  let child: ChildProcess;
  let stopping = false;
  let shortLives = 0;
  let tellReady: (message: Ready) => void = () => undefined;
  const ready = new Promise<Ready>((resolve) => {
    tellReady = resolve;
  });

  const start = () => {
    const startedAt = performance.now();
    let output = "";
    child = spawn(process.execPath, [...process.execArgv, "--import", GUARD, ...args], {
      env,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      windowsHide: true,
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk) => {
        output = `${output}${chunk}`.slice(-KEEP_OUTPUT);
      });
    }
    child.once("message", (message) => tellReady(message as Ready));
    child.once("error", (error) => failed(error));
    child.once("exit", (code, signal) => {
      if (stopping) return;
      if (signal !== "SIGKILL") shortLives = performance.now() - startedAt < SHORT_LIFE_MS ? shortLives + 1 : 0;
      if (shortLives >= SHORT_LIVES) {
        failed(new Error(`${name} cannot be kept at work (exit ${code ?? signal}): ${output.trim()}`));
        return;
      }
      note(`${name} is gone (${signal ?? code}); started again`);
      start();
    });
    if (child.pid !== undefined) started(child.pid);
  };
  start();

  return {
    ready,
    stop: async () => {
      stopping = true;
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      const late = setTimeout(() => {
        note(`${name} did not end by itself within ${STOP_MS / 1_000} s; killed`);
        child.kill("SIGKILL");
      }, STOP_MS);
      await gone;
      clearTimeout(late);
    },
  };
}
