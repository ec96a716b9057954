import { access, constants, mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { UsageError } from "./options.ts";

/** What the system says when a folder cannot be made or used. */
const REASONS: Readonly<Record<string, string>> = {
  ENOTDIR: "it is a file, or lies below one",
  EEXIST: "it is a file",
  ENOENT: "no folder can be made there",
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  EROFS: "the disk is mounted read-only",
};

/** What a run leaves behind. */
const OURS = /^(service|totals)\.db(-wal|-shm|-journal)?$|^processes\.json(\.new)?$/;

export interface DataFolder {
  readonly path: string;
  /** Removes it, unless it was asked for by name. */
  remove(): Promise<void>;
}

/** The named folder, emptied of an earlier run's files and of nothing else; without a name a temporary one. Throws {@link UsageError}. */
export async function openDataFolder(keep: string | undefined): Promise<DataFolder> {
  if (keep === undefined) {
    const path = await mkdtemp(join(tmpdir(), "waybill-flights-"));
    return { path, remove: () => rm(path, { recursive: true, force: true }) };
  }
  const path = resolve(keep);
  try {
    await makeFolder(path);
    for (const name of await readdir(path)) if (OURS.test(name)) await rm(join(path, name));
    await access(path, constants.W_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`--keep ${keep} cannot be used: ${REASONS[code ?? ""] ?? code ?? error}.`);
  }
  return { path, remove: async () => undefined };
}

/** `mkdir` of Node with `recursive` never ends where the system refuses a folder as missing though the one above it is there, as in /proc. */
async function makeFolder(path: string): Promise<void> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  if (found === undefined) {
    await makeFolder(dirname(path));
    await mkdir(path);
  } else if (!found.isDirectory()) throw Object.assign(new Error("not a folder"), { code: "EEXIST" });
}
