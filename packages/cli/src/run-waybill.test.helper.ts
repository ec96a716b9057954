import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const BIN = fileURLToPath(new URL("../bin/waybill.js", import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningWaybill {
  /** Resolves when standard output or error holds the text; rejects when the command ends first. */
  said(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ran>;
}

/** Starts the command as a shell would. The environment holds nothing but what is given and the PATH. */
export function startWaybill(
  args: readonly string[],
  options: { cwd: string; env?: Record<string, string>; input?: string },
): RunningWaybill {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd: options.cwd,
    env: { PATH: process.env.PATH, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.end(options.input ?? "");
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return {
    ended,
    kill: (signal) => child.kill(signal),
    said: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (`${stdout}\n${stderr}`.includes(text)) resolve();
        };
        child.stdout.on("data", look);
        child.stderr.on("data", look);
        look();
        void ended.then(() => reject(new Error(`It ended without saying ${text}: ${stdout}${stderr}`)));
      }),
  };
}

export function runWaybill(args: readonly string[], options: Parameters<typeof startWaybill>[1]): Promise<Ran> {
  return startWaybill(args, options).ended;
}
