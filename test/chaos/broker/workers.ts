import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("./consumer-process.ts", import.meta.url));
const STOP_MS = 30_000;
const KEEP_OUTPUT = 4_000;
/** Of a consumer that found its broker in trouble when it started. It is tried again for so long, with a pause. */
export const NOT_STARTED = 75;
const START_MS = 60_000;
const START_PAUSE_MS = 500;

/** Told by a consumer process. */
interface Message {
  readonly ready?: true;
  readonly orders?: readonly string[];
  readonly trouble?: string;
  /** Why it ends with `NOT_STARTED`. */
  readonly notStarted?: string;
  readonly stalled?: string;
}

export interface Workers {
  /** `kill -9` of one; it is started again. Resolves with the pid that died once its successor is at work. */
  kill(index: number): Promise<number>;
  /** SIGTERM, so that they drain; what does not end by itself in 30 s is killed and reported. */
  stop(): Promise<void>;
  /** What guarantee each subscription got. */
  readonly orders: readonly string[];
  /** Said by their observers. */
  readonly troubles: ReadonlyMap<string, number>;
  readonly stalls: number;
  readonly problems: readonly string[];
}

/** Consumers in processes of their own, kept at work as a supervisor would. */
export async function startWorkers(options: {
  readonly count: number;
  readonly configFile: string;
  readonly ledgers: string;
  readonly fixed: boolean;
  /** Of a broker that pushes: the port of each. */
  readonly doors?: readonly number[] | undefined;
}): Promise<Workers> {
  const { count, configFile, ledgers, fixed, doors } = options;
  const slots: { child: ChildProcess; ready: Promise<void> }[] = [];
  const troubles = new Map<string, number>();
  const problems: string[] = [];
  let orders: readonly string[] = [];
  let stalls = 0;
  let stopping = false;

  const start = (index: number, untilMs = performance.now() + START_MS): Promise<void> => {
    const child = spawn(
      process.execPath,
      [
        "--conditions=waybill-source",
        SCRIPT,
        configFile,
        ledgers,
        ...(fixed ? ["--fixed"] : []),
        ...(doors === undefined ? [] : ["--door", String(doors[index])]),
      ],
      { stdio: ["ignore", "ignore", "pipe", "ipc"] },
    );
    let output = "";
    child.stderr?.on("data", (chunk) => {
      output = `${output}${chunk}`.slice(-KEEP_OUTPUT);
    });
    const ready = new Promise<void>((resolve, reject) => {
      child.on("message", (message: Message) => {
        if (message.ready) {
          orders = message.orders ?? [];
          resolve();
        }
        const trouble = message.trouble ?? message.notStarted;
        if (trouble !== undefined) troubles.set(trouble, (troubles.get(trouble) ?? 0) + 1);
        if (message.stalled !== undefined) stalls++;
      });
      child.once("exit", async (code, signal) => {
        if (code === NOT_STARTED && performance.now() < untilMs) {
          await sleep(START_PAUSE_MS);
          if (stopping) resolve();
          else start(index, untilMs).then(resolve, reject);
          return;
        }
        if (stopping || signal === "SIGKILL") resolve();
        else {
          problems.push(`a consumer ended by itself (${code ?? signal}): ${output.trim()}`);
          reject(new Error(problems.at(-1)));
        }
        if (!stopping) start(index).catch(() => undefined);
      });
    });
    ready.catch(() => undefined);
    slots[index] = { child, ready };
    return ready;
  };

  await Promise.all(Array.from({ length: count }, (_, index) => start(index)));
  return {
    async kill(index) {
      await slots[index]!.ready.catch(() => undefined);
      const { child } = slots[index]!;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
      await slots[index]!.ready.catch(() => undefined);
      return child.pid!;
    },
    async stop() {
      stopping = true;
      await Promise.all(
        slots.map(async ({ child }) => {
          if (child.exitCode !== null || child.signalCode !== null) return;
          const gone = once(child, "exit");
          child.kill("SIGTERM");
          const late = setTimeout(() => {
            problems.push(`consumer ${child.pid} did not drain within ${STOP_MS / 1_000} s`);
            child.kill("SIGKILL");
          }, STOP_MS);
          await gone;
          clearTimeout(late);
        }),
      );
    },
    get orders() {
      return orders;
    },
    troubles,
    get stalls() {
      return stalls;
    },
    problems,
  };
}
