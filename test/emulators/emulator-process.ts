import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { EmulatorsConfig } from "@waybill/emulators";

export interface Usage {
  /** On the heap and outside of it. */
  readonly bytes: number;
  readonly rss: number;
  readonly cpuMs: number;
}

export interface EmulatorProcess {
  readonly serviceBus: string;
  readonly eventHubs: string;
  readonly eventGrid: string;
  readonly eventGridKey: string;
  readonly storage: string;
  readonly child: ChildProcess;
  /** What it has used so far; asked for the memory, after its garbage was collected, which costs time of its processor. */
  usage(of: "memory" | "cpu"): Promise<Usage>;
  /** Kills it, with no chance to write anything. */
  kill(): Promise<void>;
  /** Lets it end by itself. */
  stop(): Promise<void>;
}

/** Emulators in a process of their own. The configuration travels as JSON. Ends with this process. */
export async function startEmulatorProcess(config: EmulatorsConfig): Promise<EmulatorProcess> {
  const main = new URL("./emulator-main.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, ["--conditions=waybill-source", "--expose-gc", main, JSON.stringify(config)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface(child.stdout!);
  const first = await Promise.race([
    once(lines, "line").then(([line]) => String(line)),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`The emulators ended with ${code}.`))),
  ]);
  const end = async (act: () => void) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    act();
    await gone;
  };
  return {
    ...(JSON.parse(first as string) as Omit<EmulatorProcess, "child" | "usage" | "kill" | "stop">),
    child,
    usage: async (of) => {
      const answer = once(lines, "line");
      child.stdin!.write(`${of}\n`);
      const [line] = await answer;
      return JSON.parse(String(line)) as Usage;
    },
    kill: () => end(() => child.kill("SIGKILL")),
    stop: () => end(() => child.stdin!.end()),
  };
}
