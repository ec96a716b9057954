import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

export const ROOT = join(import.meta.dirname, "../..");

export interface Import {
  /** From the repository's root, with forward slashes. */
  readonly file: string;
  readonly line: number;
  readonly specifier: string;
  /** `import type` and `export type`: gone at run time. */
  readonly typeOnly: boolean;
}

const STATIC = /^\s*(?:import|export)\s+(type\s+)?(?:[^"'`;]*?\sfrom\s+)?["']([^"']+)["']/gm;
const DYNAMIC = /\bimport\(\s*["']([^"']+)["']\s*\)/g;

/** Every TypeScript file below a folder, build output and dependencies left out. */
export function sourceFiles(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[mc]?ts$/.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .filter((file) => !/(^|\/)(node_modules|dist)\//.test(file))
    .sort();
}

/** Every import of a file, with its line. */
export function importsOf(file: string, text = readFileSync(join(ROOT, file), "utf8")): Import[] {
  const lineOf = (index: number) => text.slice(0, index).split("\n").length;
  const found: Import[] = [];
  for (const match of text.matchAll(STATIC)) {
    const at = (match.index ?? 0) + match[0].lastIndexOf(match[2]!);
    found.push({ file, line: lineOf(at), specifier: match[2]!, typeOnly: match[1] !== undefined });
  }
  for (const match of text.matchAll(DYNAMIC)) {
    found.push({ file, line: lineOf(match.index ?? 0), specifier: match[1]!, typeOnly: false });
  }
  return found;
}
