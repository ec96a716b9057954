import type { Inbox, InboxKey } from "@waybill/core";
import { type Clock, orAbort, systemClock } from "@waybill/core/spi";
import { outboxErrors } from "../outbox-errors.ts";

export interface MemoryInboxOptions {
  /** A claim whose work has not ended after so long counts as given up. Longer than any handler takes. Default 300 000. */
  readonly leaseMs?: number;
  /** How long an event is remembered once done, at least; twice as long at most. Default 86 400 000 (a day). */
  readonly retainMs?: number;
  /** Events remembered at most; beyond it the older half is forgotten, whatever its age. Default 200 000. */
  readonly maxEntries?: number;
  readonly clock?: Clock;
}

interface Entry {
  readonly untilMs: number;
}

/**
 * The idempotent consumer without a database, for one process: a record is first claimed, and done only after the work is. It forgets
 * everything with the process, so a crash between the work and the ack runs the work again.
 */
export function memoryInbox(options: MemoryInboxOptions = {}): Inbox<undefined> {
  const { leaseMs = 300_000, retainMs = 86_400_000, maxEntries = 200_000, clock = systemClock } = options;
  const claimed = new Map<string, Entry>();
  // Two generations, forgotten whole: taking single entries out of the front of a map gets slower with each.
  let young = new Set<string>();
  let old = new Set<string>();
  let youngSinceMs = clock.now();

  const forgetOld = (nowMs: number) => {
    const ageMs = nowMs - youngSinceMs;
    if (ageMs < retainMs && young.size < Math.max(1, maxEntries / 2)) return;
    // After twice the time nothing of it is to be kept.
    old = ageMs >= 2 * retainMs ? new Set() : young;
    young = new Set();
    youngSinceMs = nowMs;
  };

  return {
    async process(key, work, signal) {
      signal.throwIfAborted();
      const name = nameOf(key);
      const nowMs = clock.now();
      forgetOld(nowMs);
      if (young.has(name) || old.has(name)) return "duplicate";
      const other = claimed.get(name);
      if (other !== undefined && other.untilMs > nowMs) return "busy";
      if (claimed.size >= maxEntries) throw outboxErrors.WB_INBOX_FULL({ entries: claimed.size });
      const mine: Entry = { untilMs: nowMs + leaseMs };
      claimed.set(name, mine);
      const run = async () => {
        try {
          await work(undefined);
          young.add(name);
        } finally {
          // Whoever took over a claim that had run out keeps it.
          if (claimed.get(name) === mine) claimed.delete(name);
        }
      };
      // Work that goes on after its signal keeps the claim: a second try beside it would be worse than a wait.
      await orAbort(run(), signal);
      return "processed";
    },
  };
}

/** Unambiguous for any four strings. */
function nameOf({ topic, subscription, source, id }: InboxKey): string {
  return JSON.stringify([topic, subscription, source, id]);
}
