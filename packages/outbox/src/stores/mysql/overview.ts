import { eventTimeMs } from "../../event-text.ts";
import { BUCKETS, type Counts, type Overview } from "../../store.ts";
import { NOW_MS } from "./now.ts";
import type { Rows, Session } from "./session.ts";

export async function mysqlCounts(session: Session): Promise<Counts> {
  const [row] = await session.query<Rows<Counts>>(
    `SELECT (SELECT count(*) FROM outbox) AS waiting, (SELECT count(*) FROM outbox_scheduled) AS scheduled,
            (SELECT count(*) FROM outbox_retry) AS parked, (SELECT count(*) FROM outbox_dead) AS dead`,
  );
  return { ...row! };
}

/** What waits by topic, and who holds the lease. */
export async function mysqlOverview(session: Session): Promise<Overview> {
  const topics = await session.query<Rows<{ topic: string; waiting: number; oldest: Buffer }>>(
    `SELECT t.topic, t.waiting, o.event AS oldest
     FROM (SELECT topic, count(*) AS waiting, min(pos) AS first FROM outbox GROUP BY topic) t JOIN outbox o ON o.pos = t.first
     ORDER BY t.topic`,
  );
  const relays = await session.query<Rows<{ owner: string; until: number }>>(
    `SELECT owner, until FROM outbox_lease WHERE until > ${NOW_MS}`,
  );
  return {
    topics: topics.map(({ topic, waiting, oldest }) => ({
      topic,
      waiting,
      oldestMs: eventTimeMs(oldest.toString("utf8")),
    })),
    relays: relays.map(({ owner, until }) => ({ owner, buckets: BUCKETS, untilMs: until })),
  };
}
