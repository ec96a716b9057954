import type { z } from "zod";

/** The keys that a strict object of `schema` takes at `path`; none where anything goes. */
export function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let at: unknown = schema;
  for (const step of path) at = child(unwrapped(at), step);
  const def = unwrapped(at);
  return def?.type === "object" ? Object.keys(def.shape ?? {}) : [];
}

/** Dotted paths of every key of a strict object and the objects in it; undefined where the schema is not known. */
export function knownPaths(schema: z.ZodType | undefined): ReadonlySet<string> | undefined {
  return schema === undefined ? undefined : new Set(pathsOf(schema, ""));
}

function* pathsOf(schema: unknown, prefix: string): Generator<string> {
  const def = unwrapped(schema);
  if (def?.type !== "object") return;
  for (const [key, inner] of Object.entries(def.shape ?? {})) {
    yield `${prefix}${key}`;
    yield* pathsOf(inner, `${prefix}${key}.`);
  }
}

interface Def {
  type: string;
  options?: readonly unknown[];
  shape?: Record<string, unknown>;
  valueType?: unknown;
  innerType?: unknown;
}

function unwrapped(schema: unknown): Def | undefined {
  const def = (schema as { def?: Def } | undefined)?.def;
  if (def?.type === "optional") return unwrapped(def.innerType);
  if (def?.type !== "union") return def;
  // Of a choice between objects: what any of them takes.
  return { type: "object", shape: Object.assign({}, ...(def.options ?? []).map((one) => unwrapped(one)?.shape)) };
}

function child(def: Def | undefined, step: PropertyKey): unknown {
  if (def?.type === "object") return def.shape?.[String(step)];
  return def?.type === "record" ? def.valueType : undefined;
}
