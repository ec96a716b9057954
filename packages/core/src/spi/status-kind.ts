import type { ErrorKind } from "./outcome.ts";

/** What a status of HTTP from 400 on means, where the service gives it no meaning of its own and no code says more. */
export function statusKind(status: number): ErrorKind {
  if (status === 401 || status === 403) return "unauthorized";
  if (status === 404) return "not-found";
  if (status === 413) return "too-large";
  if (status === 429) return "throttled";
  if (status === 408 || status >= 500) return "transient";
  return "invalid";
}
