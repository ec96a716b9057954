import type { z } from "zod";
import { didYouMean } from "../did-you-mean.ts";
import { keysAt } from "./known-keys.ts";

/** Problems of a value in words that name the full path and never repeat the value, which could be a secret. */
export function problemsOf(
  schema: z.ZodType,
  value: unknown,
  error: z.ZodError,
  shown: (path: readonly PropertyKey[]) => string,
  prefix: readonly PropertyKey[] = [],
): string[] {
  return error.issues.flatMap((issue) => {
    const at = [...prefix, ...issue.path];
    if (issue.code === "unrecognized_keys") {
      const known = keysAt(schema, issue.path);
      return issue.keys.map((key) => unknownKey(shown([...at, key]), key, known));
    }
    if (issue.code === "invalid_key") {
      return [`${shown(at)} is no valid name: it ${issue.issues[0]?.message ?? "does not match the grammar"}`];
    }
    if (issue.code === "invalid_type" && valueAt(value, issue.path) === undefined) return [`${shown(at)} is missing`];
    if (issue.message.startsWith("must ")) return [`${shown(at)} ${issue.message}`];
    return [
      `${shown(at)} ${issue.code === "invalid_type" ? `must be ${article(issue.expected)}` : "has a wrong value"}`,
    ];
  });
}

function unknownKey(path: string, key: string, known: readonly string[]): string {
  const meant = didYouMean(key, known);
  return meant === undefined
    ? `${path} is unknown; known here: ${[...known].sort().join(", ")}`
    : `${path} is unknown; did you mean ${meant}?`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce((at, step) => (at as Record<PropertyKey, unknown> | undefined)?.[step], value);
}

function article(expected: string): string {
  if (expected === "record" || expected === "object") return "an object";
  return expected === "string" ? "text" : `a ${expected}`;
}
