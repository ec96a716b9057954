import type { EventHubConsumerClient } from "@azure/event-hubs";
import type { Tenure } from "./partitions.ts";

/** So many events may arrive unasked before the link is opened anew. */
const MAX_UNASKED = 5_000;

const unasked = new WeakMap<Tenure, number>();

interface Receivers {
  readonly _context?: { readonly receivers?: Readonly<Record<string, { close?(): Promise<unknown> } | undefined>> };
}

/**
 * Bounds what the SDK buffers. Each of its reads grants the broker a full batch of credit, whatever is left of the credit before: after a day of
 * one event a second the broker may send millions at once, and the SDK keeps them all in memory however slow the consumer is. Its public
 * API has nothing to take credit back with, so the link is closed here, between two reads: the SDK then opens a new one behind the last event
 * that it handed over, with no more credit than one batch. Where a later SDK hides its receivers, nothing happens.
 */
export async function renewLinkInTime(
  client: EventHubConsumerClient,
  tenure: Tenure,
  received: number,
  granted: number,
): Promise<void> {
  const open = (unasked.get(tenure) ?? 0) + Math.max(0, granted - received);
  unasked.set(tenure, open);
  if (open <= MAX_UNASKED) return;
  unasked.set(tenure, 0);
  const receivers = Object.entries((client as unknown as Receivers)._context?.receivers ?? {});
  const suffix = `/Partitions/${tenure.partition}`;
  for (const [name, receiver] of receivers) {
    // A link's name is its address and a random part.
    const at = name.indexOf(suffix);
    if (at >= 0 && !/\d/.test(name[at + suffix.length] ?? "")) await receiver?.close?.().catch(() => undefined);
  }
}
