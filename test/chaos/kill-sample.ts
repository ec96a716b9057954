import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../samples/01-flights/src/main.ts", import.meta.url));
/** Without any news for so long the run is given up. */
const STALL_MS = 90_000;
/** What the sample may take to stop its own processes. */
const STOP_MS = 40_000;

/** The flights sample at work over Azurite. */
export interface Sample {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
}

export function startSample(folder: string, { events, seed }: { events: number; seed: number }): Sample {
  const args = ["--broker", "storage-queue", "--events", String(events), "--seed", String(seed), "--keep", folder];
  const child = spawn(process.execPath, ["--conditions=waybill-source", MAIN, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk) => {
    output.stdout += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    output.stderr += chunk;
  });
  return { child, output };
}

const gone = ({ child }: Sample) => child.exitCode !== null || child.signalCode !== null;

/** Asks until there is an answer; `undefined` when the sample has ended or nothing moves any more. */
export async function until<T>(sample: Sample, ask: () => T | undefined): Promise<T | undefined> {
  for (const started = performance.now(); performance.now() - started < STALL_MS; ) {
    const answer = ask();
    if (answer !== undefined) return answer;
    if (gone(sample)) return undefined;
    await sleep(10);
  }
  return undefined;
}

/** Resolves when the sample has ended by itself, or nothing moves any more: then the code is null. */
export async function ended(sample: Sample, folder: string) {
  let before = -1;
  for (let movedAt = performance.now(); !gone(sample) && performance.now() - movedAt < STALL_MS; ) {
    const now = processedIn(folder);
    if (now !== before) movedAt = performance.now();
    before = now;
    await sleep(100);
  }
  return { code: sample.child.exitCode, ...sample.output };
}

/** It stops all that it has started when it is told to end; what is killed itself takes them along, as their channel to it breaks. */
export async function stopSample(sample: Sample): Promise<void> {
  if (gone(sample)) return;
  const exit = once(sample.child, "exit");
  sample.child.kill("SIGTERM");
  const late = setTimeout(() => sample.child.kill("SIGKILL"), STOP_MS);
  await exit;
  clearTimeout(late);
}

/** The process that has this role now, as the sample tells. */
export function pidOf(folder: string, role: string): number | undefined {
  const file = join(folder, "processes.json");
  if (!existsSync(file)) return undefined;
  return (JSON.parse(readFileSync(file, "utf8")) as Record<string, number>)[role];
}

/** False when it was gone already. */
export function killNow(pid: number): boolean {
  try {
    return process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** Events that had their effect; 0 while there is no such table yet. */
export function processedIn(folder: string): number {
  const file = join(folder, "totals.db");
  if (!existsSync(file)) return 0;
  const db = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
  try {
    const made = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'effects'").get() !== undefined;
    return made ? Number(db.prepare("SELECT count(*) AS n FROM effects").get()?.n) : 0;
  } finally {
    db.close();
  }
}
