import type { DatabaseSync } from "node:sqlite";
import { eventTimeMs } from "../../event-text.ts";
import { BUCKETS, type Overview } from "../../store.ts";
import { statement } from "./statements.ts";

/** What waits by topic, and who holds the lease. */
export function sqliteOverview(db: DatabaseSync, nowMs: number): Overview {
  const topics = statement(
    db,
    `SELECT t.topic, t.waiting, o.event AS oldest
     FROM (SELECT topic, count(*) AS waiting, min(pos) AS pos FROM main.outbox GROUP BY topic) t
     JOIN main.outbox o ON o.pos = t.pos ORDER BY t.topic`,
  ).all();
  const relays = statement(db, "SELECT owner, until FROM main.outbox_lease WHERE until > ?").all(nowMs);
  return {
    topics: topics.map(({ topic, waiting, oldest }) => ({
      topic: topic as string,
      waiting: waiting as number,
      oldestMs: eventTimeMs(oldest as string),
    })),
    relays: relays.map(({ owner, until }) => ({
      owner: owner as string,
      buckets: BUCKETS,
      untilMs: until as number,
    })),
  };
}
