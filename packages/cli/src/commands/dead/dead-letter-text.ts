import type { DeadLetterRecord } from "@waybill/core";
import { toJson } from "../../event-json.ts";

/** A dead letter as JSON: the event where there is one, else the original's bytes. */
export function deadLetterJson({ id, event, original, reason, redrives }: DeadLetterRecord): Record<string, unknown> {
  const body = original.body === null ? null : Buffer.from(original.body).toString("base64");
  return {
    id,
    reason: reason ?? null,
    redrives,
    ...(event === undefined ? { original_base64: body } : { event: toJson(event) }),
  };
}

/** One line for a list. */
export function deadLetterLine({ id, event, reason, redrives }: DeadLetterRecord): string {
  const attempts = reason === undefined ? "" : ` after ${reason.attempts}`;
  const again = redrives === 0 ? "" : `, redriven ${redrives} x`;
  const why = `${reason?.reason ?? "reason unknown"}${attempts}${again}`;
  const parts = [reason?.time ?? "-", event?.type ?? "(no event)", id, why, oneLine(reason?.error ?? "")];
  // What is no event may have been written by anybody, for the terminal of whoever looks at it.
  return parts
    .join("  ")
    .replace(/\p{Cc}/gu, "\uFFFD")
    .trimEnd();
}

function oneLine(text: string): string {
  const flat = text.replace(/\s+/g, " ");
  return flat.length > 120 ? `${flat.slice(0, 119)}…` : flat;
}
