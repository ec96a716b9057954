import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { access, mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

const HERE = fileURLToPath(new URL(".", import.meta.url));
const CACHE = fileURLToPath(new URL("../../node_modules/.cache/waybill/python/", import.meta.url));
const INSTALL_MS = 170_000;
const PROGRAM_MS = 60_000;
const windows = process.platform === "win32";

/** This machine cannot run the SDKs: no Python 3.9, no `venv`, no download. The suite is skipped for this reason, and for no other. */
export class PythonUnavailable extends Error {
  override readonly name = "PythonUnavailable";
}

/** Runs a program of this folder with one JSON argument; resolves with the JSON line that it printed. */
export type Python = <T>(program: string, argument: unknown) => Promise<T>;

/**
 * Python with the SDKs of requirements.txt, in a virtual environment that the first call makes. Rejects with `PythonUnavailable`.
 *
 * The environment is made in a folder of its own, which takes its name in one step when everything is in it. Processes may call this
 * at the same time; one result stays. Another Python, or another requirements.txt, is another folder.
 */
export async function python(cache = CACHE): Promise<Python> {
  const base = await findPython();
  const requirements = join(HERE, "requirements.txt");
  const key = createHash("sha256")
    .update(base.version)
    .update(await readFile(requirements))
    .digest("hex")
    .slice(0, 16);
  const folder = join(cache, key);
  if (!(await exists(folder))) {
    const part = `${folder}.part-${process.pid}-${randomUUID()}`;
    try {
      await mkdir(cache, { recursive: true });
      await attempt(base.path, ["-m", "venv", part]);
      await attempt(executable(part), ["-m", "pip", "install", "--quiet", "--no-input", "-r", requirements]);
      await rename(part, folder).catch(async (error) => {
        if (!(await exists(folder))) throw error;
      });
    } finally {
      await rm(part, { recursive: true, force: true });
    }
  }
  return async (program, argument) => {
    const args = [join(HERE, program), JSON.stringify(argument)];
    const { stdout } = await run(executable(folder), args, {
      timeout: PROGRAM_MS,
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1", PYTHONUTF8: "1" },
    });
    return JSON.parse(stdout);
  };
}

async function findPython(): Promise<{ path: string; version: string }> {
  const path = windows ? "python" : "python3";
  const version = (
    await attempt(path, ["-c", "import sys, platform; print(sys.executable, platform.python_version())"])
  ).trim();
  const [, major, minor] = / (\d+)\.(\d+)\S*$/.exec(version) ?? [];
  if (Number(major) === 3 && Number(minor) >= 9) return { path, version };
  throw new PythonUnavailable(`The SDKs need Python 3.9, and \`${path}\` is ${version}.`);
}

async function attempt(command: string, args: readonly string[]): Promise<string> {
  try {
    return (await run(command, args, { timeout: INSTALL_MS })).stdout;
  } catch (error) {
    const { code, stderr = "" } = error as { code?: unknown; stderr?: string };
    const line = stderr.trim().split("\n").at(-1) || `it ended with ${code}`;
    // A registry's address may carry a name and a password.
    const what = args.slice(0, 2).join(" ").split("\n")[0];
    throw new PythonUnavailable(`\`${command} ${what}\` failed: ${line.replaceAll(/\/\/[^/@\s]+@/g, "//")}`);
  }
}

const executable = (folder: string) => join(folder, ...(windows ? ["Scripts", "python.exe"] : ["bin", "python"]));

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
