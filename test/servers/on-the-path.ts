import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Where Debian keeps servers; not on every user's PATH. */
const SERVERS = ["/usr/sbin", "/usr/local/sbin"];

/** The full path of the first of `names` that can be run, if any. */
export function onThePath(...names: string[]): string | undefined {
  for (const name of names) {
    for (const folder of [...(process.env.PATH ?? "").split(delimiter), ...SERVERS]) {
      try {
        const path = join(folder, name);
        accessSync(path, constants.X_OK);
        return path;
      } catch (error) {
        if (!["ENOENT", "ENOTDIR", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
      }
    }
  }
  return undefined;
}
