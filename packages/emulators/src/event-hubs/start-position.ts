import { invalidFilter } from "./conditions.ts";

/** Where a reader starts in a partition. */
export type StartPosition =
  | { readonly kind: "earliest" }
  | { readonly kind: "latest" }
  | { readonly kind: "offset" | "sequenceNumber" | "enqueuedAt"; readonly value: number; readonly inclusive: boolean };

export const SELECTOR_FILTER = "apache.org:selector-filter:string";

const PATTERN = /^\s*amqp\.annotation\.(x-opt-[a-z-]+)\s*(>=|>)\s*'([^']*)'\s*$/;
const KINDS: Readonly<Record<string, "offset" | "sequenceNumber" | "enqueuedAt">> = {
  "x-opt-offset": "offset",
  "x-opt-sequence-number": "sequenceNumber",
  "x-opt-enqueued-time": "enqueuedAt",
};

/** Reads the selector that a reader attaches with; without one it starts at the beginning. Throws `amqp:invalid-field`. */
export function parseStartPosition(selector: unknown): StartPosition {
  if (selector === undefined || selector === null) return { kind: "earliest" };
  const text = String(selector);
  const match = PATTERN.exec(text);
  const kind = KINDS[match?.[1] ?? ""];
  if (match === null || kind === undefined) throw invalidFilter(text);
  const value = match[3]!;
  if (kind === "offset" && value === "@latest") return { kind: "latest" };
  if (kind === "offset" && value === "-1") return { kind: "earliest" };
  if (!/^-?\d+$/.test(value)) throw invalidFilter(text);
  return { kind, value: Number(value), inclusive: match[2] === ">=" };
}
