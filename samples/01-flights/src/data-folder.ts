import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** What a run leaves behind. */
const OURS = /^(service|totals)\.db(-wal|-shm|-journal)?$|^processes\.json(\.new)?$/;

export interface DataFolder {
  readonly path: string;
  /** Removes it, unless it was asked for by name. */
  remove(): Promise<void>;
}

/** The named folder, emptied of an earlier run's files and of nothing else; without a name a temporary one. */
export async function openDataFolder(keep: string | undefined): Promise<DataFolder> {
  if (keep === undefined) {
    const path = await mkdtemp(join(tmpdir(), "waybill-flights-"));
    return { path, remove: () => rm(path, { recursive: true, force: true }) };
  }
  const path = resolve(keep);
  await mkdir(path, { recursive: true });
  for (const name of await readdir(path)) if (OURS.test(name)) await rm(join(path, name));
  return { path, remove: async () => undefined };
}
