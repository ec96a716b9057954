import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { configErrors } from "./config-errors.ts";

const FILE_NAMES = ["waybill.config.ts", "waybill.config.json", "waybill.config.yaml", "waybill.config.yml"];

/**
 * The config file: the one named, else WAYBILL_CONFIG, else the one `waybill.config.*` of the working directory or of the nearest
 * folder above it. Two of them side by side are refused: which one rules would be a guess.
 */
export function findFile(options: { cwd: string; file?: string | undefined; env: NodeJS.ProcessEnv }): string {
  const named = options.file ?? (options.env.WAYBILL_CONFIG || undefined);
  if (named !== undefined) {
    const path = resolve(options.cwd, named);
    if (!existsSync(path)) throw configErrors.WB_CONFIG_NOT_FOUND({ where: `at ${path}` });
    return path;
  }
  for (let folder = resolve(options.cwd); ; folder = dirname(folder)) {
    const found = FILE_NAMES.filter((name) => existsSync(join(folder, name)));
    if (found.length > 1) throw configErrors.WB_CONFIG_AMBIGUOUS({ folder, files: found.join(", ") });
    if (found[0] !== undefined) return join(folder, found[0]);
    if (dirname(folder) === folder) {
      throw configErrors.WB_CONFIG_NOT_FOUND({ where: `in ${resolve(options.cwd)} or a folder above` });
    }
  }
}
