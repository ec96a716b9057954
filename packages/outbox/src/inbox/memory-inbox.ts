import type { Inbox, InboxKey } from "@waybill/core";
import { type Clock, systemClock } from "@waybill/core/spi";
import { orAbort } from "../or-abort.ts";
import { outboxErrors } from "../outbox-errors.ts";

export interface MemoryInboxOptions {
  /** A claim whose work has not ended after so long counts as given up. Longer than any handler takes. Default 300 000. */
  readonly leaseMs?: number;
  /** How long an event is remembered once done. Default 86 400 000 (a day). */
  readonly retainMs?: number;
  /** Events remembered; beyond it the ones done longest ago are forgotten. Default 100 000. */
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
  const { leaseMs = 300_000, retainMs = 86_400_000, maxEntries = 100_000, clock = systemClock } = options;
  const claimed = new Map<string, Entry>();
  // The oldest first, as a map keeps them.
  const done = new Map<string, Entry>();

  const forgetOld = (nowMs: number) => {
    for (const [name, { untilMs }] of done) {
      if (untilMs > nowMs && done.size <= maxEntries) return;
      done.delete(name);
    }
  };

  return {
    async process(key, work, signal) {
      signal.throwIfAborted();
      const name = nameOf(key);
      const nowMs = clock.now();
      forgetOld(nowMs);
      if (done.has(name)) return "duplicate";
      const other = claimed.get(name);
      if (other !== undefined && other.untilMs > nowMs) return "busy";
      if (claimed.size >= maxEntries) throw outboxErrors.WB_INBOX_FULL({ entries: claimed.size });
      const mine: Entry = { untilMs: nowMs + leaseMs };
      claimed.set(name, mine);
      const run = async () => {
        try {
          await work(undefined);
          done.set(name, { untilMs: clock.now() + retainMs });
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
