import { execFile } from "node:child_process";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openBus } from "@waybill/config";
import type { Guarantee } from "@waybill/core";
import { flights } from "../events.ts";
import type { Runner, RunnerOptions } from "./runner.ts";
import { startWorker, type Worker } from "./worker.ts";

const CONSUMERS = 2;
const CONSUMER = fileURLToPath(new URL("./consumer-process.ts", import.meta.url));
/** The command that operators use, as its package brings it. */
const WAYBILL = fileURLToPath(new URL("../bin/waybill.js", import.meta.resolve("waybill")));

const run = promisify(execFile);

/** The relay in its own process, two consumers in theirs, the service in this one; they share the broker and two database files. */
export async function runInManyProcesses(options: RunnerOptions): Promise<Runner> {
  const { loaded, env, folder, note, seed, flights: count } = options;
  const pids: Record<string, number> = {};
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);

  const worker = (name: string, args: readonly string[]): Worker =>
    startWorker({
      name,
      args,
      env,
      note,
      failed: fail,
      started: (pid) => {
        pids[name] = pid;
        tellWhoIsAtWork(folder, pids);
      },
    });
  const consumers = ({ fixed }: { fixed: boolean }): Worker[] =>
    Array.from({ length: CONSUMERS }, (_, index) =>
      worker(`consumer-${index + 1}`, [
        CONSUMER,
        ...["--config", loaded.file, "--seed", String(seed), "--flights", String(count)],
        ...(fixed ? ["--fixed"] : []),
      ]),
    );
  const readyOrFailed = (workers: readonly Worker[]) =>
    Promise.race([Promise.all(workers.map(({ ready }) => ready)), failed]);

  const bus = await openBus({ loaded });
  const relay = worker("relay", [WAYBILL, "relay", "--config", loaded.file, "--log-level", "warn"]);
  let consuming = consumers({ fixed: false });
  const stop = async () => {
    await Promise.all([relay, ...consuming].map((one) => one.stop()));
    await bus.close();
  };
  let order: Guarantee["order"];
  try {
    const [guarantee] = await readyOrFailed(consuming);
    order = guarantee?.order as Guarantee["order"];
  } catch (error) {
    await stop();
    throw error;
  }
  note(`${CONSUMERS + 2} processes: service, relay and ${CONSUMERS} consumers`);

  return {
    bus,
    order,
    failed,
    fix: async () => {
      await Promise.all(consuming.map((one) => one.stop()));
      consuming = consumers({ fixed: true });
      await readyOrFailed(consuming);
    },
    redrive: async () => {
      const command = ["dead", "redrive", flights.name, "totals", "--config", loaded.file, "--json"];
      const { stdout } = await run(process.execPath, [WAYBILL, ...command], { env });
      return (JSON.parse(stdout) as { redriven: number }).redriven;
    },
    stop,
  };
}

/** For whoever wants to watch them, or kill them. Renamed into place, so that nobody reads half of it. */
function tellWhoIsAtWork(folder: string, pids: Readonly<Record<string, number>>): void {
  const file = join(folder, "processes.json");
  writeFileSync(`${file}.new`, JSON.stringify(pids));
  renameSync(`${file}.new`, file);
}
