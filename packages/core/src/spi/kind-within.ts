import type { ErrorKind } from "./outcome.ts";

const MAX_LOOKED_AT = 50;

/**
 * What `kindOf` says of an error, or of those inside it: its parts and its cause, and theirs. The outermost that it knows wins; `unknown` where it knows
 * none. Never throws, whatever the error is made of.
 */
export function kindWithin(error: unknown, kindOf: (error: object) => ErrorKind | undefined): ErrorKind {
  return firstWithin(error, kindOf) ?? "unknown";
}

/** The first answer of `look`, asked of the error and then of those inside it. */
export function firstWithin<Found>(error: unknown, look: (error: object) => Found | undefined): Found | undefined {
  const queue: unknown[] = [error];
  try {
    for (let index = 0; index < queue.length && index < MAX_LOOKED_AT; index++) {
      const next = queue[index];
      if (typeof next !== "object" || next === null) continue;
      const found = look(next);
      if (found !== undefined) return found;
      const { cause, errors } = next as { cause?: unknown; errors?: unknown };
      if (Array.isArray(errors)) queue.push(...errors);
      queue.push(cause);
    }
  } catch {
    // An object whose getters throw says nothing.
  }
  return undefined;
}
