import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { extname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { readAddresses } from "./azurite-output.ts";

/** The account that every Azurite has. Its key is published by Microsoft and opens nothing but an Azurite. */
const ACCOUNT = "devstoreaccount1";
const ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/** Beside this file, as source and as built. */
const GUARD = new URL(`./azurite-guard${extname(fileURLToPath(import.meta.url))}`, import.meta.url).href;

const START_MS = 30_000;
const STOP_MS = 5_000;

export interface AzuriteOptions {
  /** Keeps the data in this folder, which is made if missing; absent: in memory, gone when it stops. */
  readonly dataDir?: string | undefined;
  /** Starts the queue service. Default true. */
  readonly queues?: boolean | undefined;
  /** Starts the blob service. Default false: one service starts faster. With both, Azurite's table service starts too. */
  readonly blobs?: boolean | undefined;
}

export interface Azurite {
  /** Names the endpoints of the started services only. */
  readonly connectionString: string;
  readonly queueEndpoint: string | undefined;
  readonly blobEndpoint: string | undefined;
  readonly pid: number;
  /** Ends the process and resolves when it is gone. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts Azurite as a child process on free loopback ports; resolves when it answers, rejects with what it printed when it does not
 * within 30 s.
 *
 * The child ends with this process, however this process ends: it watches its channel to us. It is no reason for this process to stay
 * alive, and a Ctrl-C at the terminal reaches only this process, so that a drain still finds its queues. A folder is flushed by
 * `stop`; a killed Azurite can lose its last five seconds.
 */
export async function startAzurite(options: AzuriteOptions = {}): Promise<Azurite> {
  const queues = options.queues ?? true;
  const blobs = options.blobs ?? false;
  if (!queues && !blobs) throw new RangeError("startAzurite needs queues or blobs: both are switched off.");
  if (options.dataDir !== undefined) await mkdir(options.dataDir, { recursive: true });
  const dataDir = options.dataDir === undefined ? undefined : resolve(options.dataDir);

  const child = spawn(process.execPath, childArguments(queues, blobs, dataDir), {
    // Azurite reads its working folder even when it keeps everything in memory.
    cwd: tmpdir(),
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    detached: process.platform !== "win32",
    windowsHide: true,
  });
  let found: { queue?: string; blob?: string };
  try {
    found = await readAddresses(
      child,
      [...(queues ? ["queue" as const] : []), ...(blobs ? ["blob" as const] : [])],
      START_MS,
    );
    await Promise.all(Object.values(found).map(answers));
  } catch (error) {
    await stopChild(child);
    throw error;
  }
  letParentGo(child);

  const queueEndpoint = found.queue && `${found.queue}/${ACCOUNT}`;
  const blobEndpoint = found.blob && `${found.blob}/${ACCOUNT}`;
  const parts = ["DefaultEndpointsProtocol=http", `AccountName=${ACCOUNT}`, `AccountKey=${ACCOUNT_KEY}`];
  if (queueEndpoint) parts.push(`QueueEndpoint=${queueEndpoint}`);
  if (blobEndpoint) parts.push(`BlobEndpoint=${blobEndpoint}`);
  let stopping: Promise<void> | undefined;
  return {
    connectionString: `${parts.join(";")};`,
    queueEndpoint,
    blobEndpoint,
    pid: child.pid as number,
    stop: () => {
      stopping ??= stopChild(child);
      return stopping;
    },
  };
}

function childArguments(queues: boolean, blobs: boolean, dataDir: string | undefined): string[] {
  const script = queues && blobs ? "azurite.js" : queues ? "queue/main.js" : "blob/main.js";
  const out = ["--import", GUARD];
  out.push(createRequire(import.meta.url).resolve(`azurite/dist/src/${script}`));
  out.push("--silent", "--loose", "--skipApiVersionCheck", "--disableTelemetry");
  if (dataDir === undefined) out.push("--inMemoryPersistence");
  else out.push("--location", dataDir);
  if (queues) out.push("--queuePort", "0");
  if (blobs) out.push("--blobPort", "0");
  if (queues && blobs) out.push("--tablePort", "0");
  return out;
}

/** Any HTTP answer will do: without a signature it is a refusal. */
async function answers(address: string): Promise<void> {
  const response = await fetch(`${address}/${ACCOUNT}?comp=list`, { signal: AbortSignal.timeout(STOP_MS) });
  await response.arrayBuffer();
}

function letParentGo(child: ChildProcess): void {
  for (const stream of [child.stdout, child.stderr]) {
    stream?.resume();
    (stream as unknown as { unref?: () => void } | null)?.unref?.();
  }
  child.channel?.unref();
  child.unref();
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.ref();
  const gone = once(child, "exit");
  if (child.connected) child.disconnect();
  const killer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await gone;
  clearTimeout(killer);
}
