import { createHash, randomUUID } from "node:crypto";
import type { Inbox, InboxKey } from "@waybill/core";
import { type Clock, orAbort, systemClock } from "@waybill/core/spi";
import { outboxErrors } from "../../outbox-errors.ts";
import { Claim, type RedisClaim } from "./claim.ts";
import { type RedisClient, scriptRunner } from "./redis-client.ts";
import { CLAIM } from "./scripts.ts";

export interface RedisInboxOptions {
  /** A connected client of `redis` or `ioredis`, which stays the caller's to close. Redis 6 or later. */
  readonly client: RedisClient;
  /** Begins each key. Default `waybill:inbox:`. */
  readonly prefix?: string;
  /** How long a claim lives without renewal, so how long after a crash the event waits. Renewed at half of it. Default 30 000. */
  readonly leaseMs?: number;
  /** How long an event is remembered once done. Longer than the broker can redeliver it. Default 604 800 000 (7 days). */
  readonly retainMs?: number;
  readonly clock?: Clock;
}

/**
 * The idempotent consumer over Redis, for effects outside a database: an event is claimed, worked on under a lease, and done only then. At
 * least once: it runs again after a crash between the effect and the record, and after Redis has lost what it had acknowledged
 * (`appendfsync`, failover).
 */
export function redisInbox(options: RedisInboxOptions): Inbox<RedisClaim> {
  const { client, prefix = "waybill:inbox:", leaseMs = 30_000, retainMs = 604_800_000, clock = systemClock } = options;
  const run = scriptRunner(client);
  within("leaseMs", leaseMs, 100);
  within("retainMs", retainMs, 1);
  return {
    async process(event, work, signal) {
      signal.throwIfAborted();
      const key = prefix + nameOf(event);
      const token = randomUUID();
      const askedMs = clock.monotonic();
      const answer = await run(CLAIM, key, token, leaseMs);
      if (answer === "duplicate" || answer === "busy") return answer;
      const claim = new Claim({ run, key, token, leaseMs, clock, askedMs });
      const working = async () => {
        try {
          await work(claim);
        } catch (error) {
          await claim.giveUp();
          throw error;
        }
        await claim.complete(retainMs);
      };
      // Work that goes on after its signal keeps the claim: a second try beside it would be worse than a wait.
      await orAbort(working(), signal);
      return "processed";
    },
  };
}

function within(option: string, value: number, min: number): void {
  if (Number.isSafeInteger(value) && value >= min) return;
  throw outboxErrors.WB_OUTBOX_OPTION({ option, problem: `must be a whole number of milliseconds from ${min} on` });
}

/** The same length for any four strings, told apart by JSON, which also escapes lone surrogates. */
function nameOf({ topic, subscription, source, id }: InboxKey): string {
  return createHash("sha256")
    .update(JSON.stringify([topic, subscription, source, id]))
    .digest("base64url");
}
