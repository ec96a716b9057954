import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** A package that is not installed anywhere it was looked for. */
export const NOT_INSTALLED: unique symbol = Symbol("not installed");

/**
 * Imports a package as the application sees it: from the config file's folder, then the working directory, then from here. (With a
 * strict package manager this package sees only its own dependencies, and adapters are the application's.) A path that starts with
 * `./` counts from the folder.
 */
export async function loadPackage(
  name: string,
  folder: string,
): Promise<Record<string, unknown> | typeof NOT_INSTALLED> {
  if (name.startsWith(".")) return (await import(pathToFileURL(resolve(folder, name)).href)) as Record<string, unknown>;
  for (const from of [folder, process.cwd()]) {
    const path = resolvedFrom(from, name);
    if (path !== undefined) return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  }
  try {
    return (await import(name)) as Record<string, unknown>;
  } catch (error) {
    if (isMissing(error, name)) return NOT_INSTALLED;
    throw error;
  }
}

function resolvedFrom(folder: string, name: string): string | undefined {
  try {
    return createRequire(join(folder, "resolve-from-here.js")).resolve(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

/** The package itself is missing; not something that it imports in turn. */
function isMissing(error: unknown, name: string): boolean {
  const { code, message = "" } = error as NodeJS.ErrnoException;
  return (code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND") && message.includes(name);
}
