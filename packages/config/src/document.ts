import { isPlainObject } from "./plain-object.ts";

/** A config document under construction: plain objects, addressed by dotted paths such as `brokers.main.adapter`. */
export type Document = Record<string, unknown>;

export function getAt(document: Document, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((at, key) => (isPlainObject(at) && Object.hasOwn(at, key) ? at[key] : undefined), document);
}

/** Sets a value, making the objects on the way. */
export function setAt(document: Document, path: string, value: unknown): void {
  const keys = path.split(".");
  const last = keys.pop() as string;
  let at = document;
  for (const key of keys) {
    const next = Object.hasOwn(at, key) ? at[key] : undefined;
    if (isPlainObject(next)) at = next;
    else {
      const made: Document = {};
      define(at, key, made);
      at = made;
    }
  }
  define(at, last, value);
}

/** Every value that is no object, with its path, in the order of the document. */
export function* leaves(value: unknown, path = ""): Generator<{ path: string; value: unknown }> {
  if (isPlainObject(value)) {
    const entries = Object.entries(value);
    if (entries.length === 0 && path !== "") yield { path, value };
    for (const [key, inner] of entries) yield* leaves(inner, path === "" ? key : `${path}.${key}`);
  } else if (value !== undefined) {
    yield { path, value };
  }
}

// A plain assignment to `__proto__` would change the prototype instead.
function define(target: Document, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}
