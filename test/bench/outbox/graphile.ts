import type { RawCloudEvent } from "@waybill/core";
import { Logger, run, runMigrations } from "graphile-worker";
import type { RunningPostgres } from "../../postgres/start-postgres.ts";
import type { Counting } from "./counting.ts";
import { eventSql, settle } from "./load.ts";

/**
 * graphile-worker with its batching on and the tuning that was best in our tries: jobs fetched 2 000 at a time, 100 at once, completions in
 * groups. A job is an event; no order.
 */
export async function drainGraphile(
  server: RunningPostgres,
  url: string,
  counting: Counting,
  events: number,
): Promise<number> {
  const logger = new Logger(() => () => undefined);
  await runMigrations({ connectionString: url, logger });
  // One transaction for all of them would take minutes.
  for (let from = 1; from <= events; from += 1_000) {
    await server.query(
      `SELECT count(*) FROM graphile_worker.add_jobs(ARRAY(
         SELECT ('publish', (${eventSql()})::json, NULL, NULL, NULL, NULL, NULL, NULL)::graphile_worker.job_spec
         FROM generate_series(${from}, ${Math.min(events, from + 999)}) i))`,
      url,
    );
  }
  await settle(server, url);
  let runner: Awaited<ReturnType<typeof run>> | undefined;
  try {
    return await counting.rate(
      events,
      60_000,
      async () => {
        runner = await run({
          connectionString: url,
          concurrency: 100,
          noHandleSignals: true,
          logger,
          taskList: {
            publish: (event) => counting.one(event as RawCloudEvent),
          },
          preset: { worker: { localQueue: { size: 2_000 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
        });
      },
      "first call",
    );
  } finally {
    await runner?.stop();
  }
}
