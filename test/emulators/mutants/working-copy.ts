import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

/**
 * Copies the repository, as it is on the disk, into a temporary folder where it can be broken. What is installed is shared, but links
 * between our own packages lead to the copy.
 */
export function copyRepository(root: string): { readonly folder: string; remove(): void } {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "waybill-mutants-")));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    const files = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root });
    const paths = files.toString().split("\0");
    for (const path of paths)
      if (path !== "" && existsSync(join(root, path))) cpSync(join(root, path), join(folder, path));
    const packages = paths.filter((path) => basename(path) === "package.json").map(dirname);
    for (const one of packages) linkInstalled(join(root, one, "node_modules"), join(folder, one, "node_modules"));
    symlinkSync(join(root, "node_modules/.pnpm"), join(folder, "node_modules/.pnpm"));
    const ours = realpathSync(join(folder, "node_modules/@waybill/emulators"));
    if (!ours.startsWith(folder)) throw new Error(`The copy would run ${ours}, which is not the copy's.`);
  } catch (error) {
    remove();
    throw error;
  }
  return { folder, remove };
}

/** The links as they are: relative ones. */
function linkInstalled(from: string, to: string): void {
  if (!existsSync(from)) return;
  const filter = (path: string) => path === from || !basename(path).startsWith(".");
  cpSync(from, to, { recursive: true, verbatimSymlinks: true, filter });
}
