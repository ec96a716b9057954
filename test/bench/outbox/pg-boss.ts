import type { RawCloudEvent } from "@waybill/core";
import { PgBoss } from "pg-boss";
import type { RunningPostgres } from "../../postgres/start-postgres.ts";
import type { Counting } from "./counting.ts";
import { KEYS, settle } from "./load.ts";

/** pg-boss with fetches of a thousand and one completion for each. */
export async function drainPgBoss(
  server: RunningPostgres,
  url: string,
  counting: Counting,
  events: number,
): Promise<number> {
  const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false });
  boss.on("error", () => undefined);
  await boss.start();
  try {
    await boss.createQueue("publish");
    for (let from = 0; from < events; from += 1_000) {
      await boss.insert(
        "publish",
        Array.from({ length: Math.min(1_000, events - from) }, (_, i) => ({
          data: {
            specversion: "1.0",
            id: `${from + i}`,
            source: "/shop",
            type: "com.example.order.placed",
            partitionkey: `k${(from + i) % KEYS}`,
            datacontenttype: "application/json",
            data: { orderId: `o-${from + i}`, total: 42, note: "x".repeat(90) },
          },
        })),
      );
    }
    await settle(server, url);
    return await counting.rate(events, 60_000, async () => {
      for (;;) {
        const jobs = await boss.fetch<RawCloudEvent>("publish", { batchSize: 1_000 });
        if (jobs.length === 0) return;
        await counting.publishRaw(
          "orders",
          jobs.map(({ data }) => data),
        );
        await boss.complete(
          "publish",
          jobs.map(({ id }) => id),
        );
      }
    });
  } finally {
    await boss.stop({ graceful: false });
  }
}
