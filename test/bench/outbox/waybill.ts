import { createRelay } from "@waybill/outbox";
import { type PostgresOptions, postgres } from "@waybill/outbox/postgres";
import type { Counting } from "./counting.ts";

/** Drains an outbox that is filled. Answers events a second until the last was published. */
export async function drainWaybill(
  url: string,
  counting: Counting,
  events: number,
  options: { relays?: number; mode?: PostgresOptions["mode"]; limitMs?: number } = {},
): Promise<number> {
  const { relays = 1, mode = "polling", limitMs = 120_000 } = options;
  const stores = Array.from({ length: relays }, () => postgres({ connectionString: url, mode }));
  await Promise.all(stores.map((store) => store.open()));
  const running = stores.map((store) => createRelay({ store, publisher: counting, leaseMs: 1_000 }));
  try {
    return await counting.rate(events, limitMs, () => Promise.all(running.map((relay) => relay.start())));
  } finally {
    await Promise.all(running.map((relay) => relay.drain({ deadlineMs: 30_000 })));
    await Promise.all(stores.map((store) => store.close()));
  }
}
