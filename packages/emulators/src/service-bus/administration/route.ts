/** What a path of the administration API names. */
export type Route =
  | { readonly kind: "health" }
  | { readonly kind: "namespace" }
  | { readonly kind: "list"; readonly of: "queues" | "topics" }
  | { readonly kind: "entity"; readonly name: string }
  | { readonly kind: "subscriptions"; readonly topic: string }
  | { readonly kind: "subscription"; readonly topic: string; readonly name: string }
  | { readonly kind: "rules"; readonly topic: string; readonly subscription: string }
  | { readonly kind: "rule"; readonly topic: string; readonly subscription: string; readonly name: string };

/** Undefined for a path that is none: dots that climb, broken escapes, control characters. */
export function parseRoute(pathname: string): Route | undefined {
  let segments: string[];
  try {
    segments = pathname
      .split("/")
      .filter((one) => one !== "")
      .map(decodeURIComponent);
  } catch {
    return undefined;
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (segments.some((one) => one === "." || one === ".." || /[\u0000-\u001f\\]/.test(one))) return undefined;
  const lower = segments.map((one) => one.toLowerCase());
  const size = segments.length;
  const join = (end: number) => segments.slice(0, end).join("/");
  if (size === 0) return undefined;
  if (size === 1 && lower[0] === "health") return { kind: "health" };
  if (lower[0] === "$namespaceinfo") return { kind: "namespace" };
  if (lower[0] === "$resources")
    return lower[1] === "queues" || lower[1] === "topics" ? { kind: "list", of: lower[1] } : undefined;
  const last = segments[size - 1]!;
  if (size >= 5 && lower[size - 2] === "rules" && lower[size - 4] === "subscriptions")
    return { kind: "rule", topic: join(size - 4), subscription: segments[size - 3]!, name: last };
  if (size >= 4 && lower[size - 1] === "rules" && lower[size - 3] === "subscriptions")
    return { kind: "rules", topic: join(size - 3), subscription: segments[size - 2]! };
  if (size >= 3 && lower[size - 2] === "subscriptions")
    return { kind: "subscription", topic: join(size - 2), name: last };
  if (size >= 2 && lower[size - 1] === "subscriptions") return { kind: "subscriptions", topic: join(size - 1) };
  return { kind: "entity", name: join(size) };
}
