import type { Document } from "./document.ts";
import { isPlainObject } from "./plain-object.ts";

const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-((?:[^}\\]|\\.)*))?\}/g;

/** Variables that a value was made of, by the value's path. */
export type Interpolated = ReadonlyMap<string, readonly string[]>;

/** A variable that the environment does not have, and where the file asks for it. */
export interface MissingVariable {
  readonly name: string;
  readonly path: string;
}

/**
 * Replaces `${NAME}` and `${NAME:-default}` in every text value, save at the paths in `skip` (they are overridden anyway). An empty
 * variable counts as missing where there is a default. `$${` writes a literal `${`.
 */
export function interpolate(
  document: Document,
  env: NodeJS.ProcessEnv,
  skip: ReadonlySet<string>,
): { document: Document; interpolated: Interpolated; missing: readonly MissingVariable[] } {
  const interpolated = new Map<string, string[]>();
  const missing: MissingVariable[] = [];

  const textAt = (text: string, path: string): string =>
    text.replace(REFERENCE, (whole: string, name: string | undefined, fallback: string | undefined) => {
      if (name === undefined) return whole.slice(1);
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      interpolated.set(path, [...(interpolated.get(path) ?? []), name]);
      if (fallback !== undefined) return value || fallback.replace(/\\(.)/g, "$1");
      if (value === undefined) missing.push({ name, path });
      return value ?? "";
    });

  const walk = (value: unknown, path: string): unknown => {
    if (typeof value === "string") return skip.has(path) ? value : textAt(value, path);
    if (Array.isArray(value)) return value.map((inner, i) => walk(inner, `${path}[${i}]`));
    if (!isPlainObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, walk(inner, path === "" ? key : `${path}.${key}`)]),
    );
  };

  return { document: walk(document, "") as Document, interpolated, missing };
}
