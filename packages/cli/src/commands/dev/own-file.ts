import { readFile, writeFile } from "node:fs/promises";
import { cliErrors } from "../../cli-errors.ts";

/** Throws WB_CLI_USAGE when the file is there and does not begin with `head`: it is somebody else's. */
export async function checkOwnFile(path: string, head: string): Promise<void> {
  const before = await readIfThere(path);
  if (before === undefined || before === "" || before.startsWith(head)) return;
  const problem = `The file ${path} exists and is none that waybill dev wrote: name another.`;
  throw cliErrors.WB_CLI_USAGE({ problem, command: "waybill dev" });
}

/** Writes a file that is the user's from then on. False: it is there already, and stays as it is. */
export async function writeOnce(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
