import type { RawCloudEvent } from "@waybill/core";
import { PgBoss } from "pg-boss";
import PgBoss10 from "pg-boss-10";
import type { RunningPostgres } from "../../postgres/start-postgres.ts";
import type { Counting } from "./counting.ts";
import { KEYS, settle } from "./load.ts";

/** What both versions have alike once they run. */
interface Boss {
  fetch(name: string, options: { batchSize: number }): Promise<readonly { id: string; data: unknown }[]>;
  complete(name: string, ids: string[]): Promise<unknown>;
  stop(options: { graceful: boolean }): Promise<void>;
}

interface Started {
  readonly boss: Boss;
  readonly insert: (data: readonly object[]) => Promise<unknown>;
}

const QUEUE = "publish";

/** Version 12. */
export async function startPgBoss(connectionString: string): Promise<Started> {
  const boss = new PgBoss({ connectionString, supervise: false, schedule: false });
  boss.on("error", () => undefined);
  await boss.start();
  await boss.createQueue(QUEUE);
  const insert = (all: readonly object[]) =>
    boss.insert(
      QUEUE,
      all.map((data) => ({ data })),
    );
  return { boss, insert };
}

/** Version 10.4, which the aim was set with. */
export async function startPgBoss10(connectionString: string): Promise<Started> {
  const boss = new PgBoss10({ connectionString, supervise: false, schedule: false });
  boss.on("error", () => undefined);
  await boss.start();
  await boss.createQueue(QUEUE);
  return { boss, insert: (all) => boss.insert(all.map((data) => ({ name: QUEUE, data }))) };
}

/** pg-boss with fetches of a thousand and one completion for each. */
export async function drainPgBoss(
  start: (url: string) => Promise<Started>,
  server: RunningPostgres,
  url: string,
  counting: Counting,
  events: number,
): Promise<number> {
  const { boss, insert } = await start(url);
  try {
    for (let from = 0; from < events; from += 1_000) {
      await insert(
        Array.from({ length: Math.min(1_000, events - from) }, (_, i) => ({
          specversion: "1.0",
          id: `${from + i}`,
          source: "/shop",
          type: "com.example.order.placed",
          partitionkey: `k${(from + i) % KEYS}`,
          datacontenttype: "application/json",
          data: { orderId: `o-${from + i}`, total: 42, note: "x".repeat(90) },
        })),
      );
    }
    await settle(server, url);
    return await counting.rate(events, 60_000, async () => {
      for (;;) {
        const jobs = await boss.fetch(QUEUE, { batchSize: 1_000 });
        if (jobs.length === 0) return;
        await counting.publishRaw(
          "orders",
          jobs.map(({ data }) => data as RawCloudEvent),
        );
        await boss.complete(
          QUEUE,
          jobs.map(({ id }) => id),
        );
      }
    });
  } finally {
    await boss.stop({ graceful: false });
  }
}
