import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { KafkaUnavailable } from "./kafka-unavailable.ts";
import { majorOf } from "./kafka-version.ts";
import { POM } from "./pom.ts";

const run = promisify(execFile);

/** Of this person, not of one project: all of them need the same jars. */
const cacheFolder = () => join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "waybill", "kafka");
const MANIFEST = "manifest.json";
const DOWNLOAD_MS = 600_000;

/** What a folder of jars must hold to be taken for complete. */
interface Manifest {
  /** SHA-256 of the pom that asked for them: another pom, another set of jars. */
  readonly pom: string;
  /** Size in bytes by file name. */
  readonly jars: Readonly<Record<string, number>>;
}

/**
 * The folder with the jars of that Kafka version; Maven fetches them at the first call (about 45 MB), from wherever this machine's
 * Maven is told to look. Rejects with `KafkaUnavailable` when it cannot.
 *
 * Jars are collected in a folder of their own, which takes its name in one step when all are there. Processes may call this at the
 * same time; one result stays. A folder that lost a jar, or one of whose jars changed its size, is fetched anew.
 */
export async function kafkaJars(version: string, cache = cacheFolder()): Promise<string> {
  const folder = join(cache, version);
  const pom = createHash("sha256").update(POM).digest("hex");
  if (await isComplete(folder, pom)) return folder;

  await sweep(cache, version);
  const part = join(cache, `${version}.part-${process.pid}-${randomUUID()}`);
  await mkdir(part, { recursive: true });
  try {
    await download(version, part);
    await writeFile(join(part, MANIFEST), JSON.stringify({ pom, jars: await jarSizes(part) } satisfies Manifest));
    if (!(await isComplete(folder, pom))) {
      // What lies there is broken or of another pom. It is moved away before it is removed: nobody sees it half gone.
      await rename(folder, `${part}-old`).catch(ignoreMissing);
      await rename(part, folder).catch(async (error) => {
        if (!(await isComplete(folder, pom))) throw error;
      });
    }
  } finally {
    await rm(part, { recursive: true, force: true });
    await rm(`${part}-old`, { recursive: true, force: true });
  }
  return folder;
}

async function download(version: string, folder: string): Promise<void> {
  const logging = majorOf(version) >= 4 ? "log4j2" : "reload4j";
  const pom = join(folder, "pom.xml");
  await writeFile(pom, POM);
  const args = ["-B", "-ntp", "-q", "--strict-checksums", "-Dstyle.color=never", "-f", pom, "-P", logging];
  args.push(`-Dkafka.version=${version}`, "dependency:copy-dependencies", "-DincludeScope=runtime");
  args.push(`-DoutputDirectory=${folder}`);
  try {
    await run("mvn", args, { timeout: DOWNLOAD_MS, maxBuffer: 64 << 20 });
  } catch (error) {
    const { code, stdout = "" } = error as { code?: unknown; stdout?: string };
    if (code === "ENOENT") {
      throw new KafkaUnavailable(`Maven fetches the jars of Kafka ${version}, and there is no \`mvn\` on the PATH.`);
    }
    const line = stdout.split("\n").find((text) => text.startsWith("[ERROR]")) ?? `it ended with ${code}`;
    throw new KafkaUnavailable(`Maven could not fetch the jars of Kafka ${version}: ${withoutCredentials(line)}`);
  }
  await stat(join(folder, `kafka_2.13-${version}.jar`));
}

/** A registry's address may carry a name and a password. */
const withoutCredentials = (text: string) => text.replaceAll(/\/\/[^/@\s]+@/g, "//");

async function jarSizes(folder: string): Promise<Record<string, number>> {
  const jars = (await readdir(folder)).filter((name) => name.endsWith(".jar"));
  const sizes = await Promise.all(jars.map(async (name) => [name, (await stat(join(folder, name))).size] as const));
  return Object.fromEntries(sizes.sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function isComplete(folder: string, pom: string): Promise<boolean> {
  const text = await readFile(join(folder, MANIFEST), "utf8").catch(ignoreMissing);
  if (text === undefined) return false;
  const manifest = JSON.parse(text) as Manifest;
  // Another process may just have moved it away.
  const sizes = await jarSizes(folder).catch(ignoreMissing);
  return manifest.pom === pom && JSON.stringify(manifest.jars) === JSON.stringify(sizes);
}

/** Removes what downloads left behind whose process was killed. */
async function sweep(cache: string, version: string): Promise<void> {
  for (const name of (await readdir(cache).catch(ignoreMissing)) ?? []) {
    const pid = name.startsWith(`${version}.part-`) && Number(/part-(\d+)-/.exec(name)?.[1]);
    if (pid && !isAlive(pid)) await rm(join(cache, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}
