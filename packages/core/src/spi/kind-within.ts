import type { ErrorKind } from "./outcome.ts";

const MAX_LOOKED_AT = 50;

/**
 * What `kindOf` says of an error, or of those inside it: its parts and its cause, and theirs. The outermost that it knows wins; `unknown` where it knows
 * none. Never throws, whatever the error is made of.
 */
export function kindWithin(error: unknown, kindOf: (error: object) => ErrorKind | undefined): ErrorKind {
  const queue: unknown[] = [error];
  try {
    for (let index = 0; index < queue.length && index < MAX_LOOKED_AT; index++) {
      const next = queue[index];
      if (typeof next !== "object" || next === null) continue;
      const kind = kindOf(next);
      if (kind !== undefined) return kind;
      const { cause, errors } = next as { cause?: unknown; errors?: unknown };
      if (Array.isArray(errors)) queue.push(...errors);
      queue.push(cause);
    }
  } catch {
    // An object whose getters throw says nothing.
  }
  return "unknown";
}
