import type { Adapter, Receiver } from "../spi/adapter.ts";
import type { Delivery, Settlement } from "../spi/delivery.ts";

/** So many empty receives in a row mean that there is nothing more. */
export const EMPTY_RECEIVES = 2;
const NONE: ReadonlySet<string> = new Set();

export function isLog(store: Receiver): boolean {
  return store.capabilities.settle === "upTo";
}

export function receive(store: Receiver, max: number, signal: AbortSignal): Promise<readonly Delivery[]> {
  return store.receive(
    { max: Math.min(max, store.capabilities.maxReceiveBatch), maxBytes: 16 * 1024 * 1024, pausedLanes: NONE },
    signal,
  );
}

/** A record that is no longer ours comes again: for its event, a duplicate. Any other failure is the caller's to know. */
export async function settleAll(
  classify: Adapter["classify"],
  store: Receiver,
  settlements: readonly Settlement[],
): Promise<void> {
  const { settle, release } = store.capabilities;
  const told = settlements.filter(({ kind }) => kind === "ack" || (settle === "each" && release !== false));
  if (told.length === 0) return;
  const outcomes = await store.settle(told, new AbortController().signal);
  for (const outcome of outcomes) if (!outcome.ok && classify(outcome.error) !== "lost") throw outcome.error;
}
