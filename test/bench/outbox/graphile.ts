import type { RawCloudEvent } from "@waybill/core";
import { Logger, run, runMigrations } from "graphile-worker";
import type { RunningPostgres } from "../../postgres/start-postgres.ts";
import type { Counting } from "./counting.ts";
import { eventSql, settle } from "./load.ts";

/** graphile-worker with its batching on: jobs fetched 500 at a time, completions in groups. A job is an event; no order. */
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
      `SELECT count(*) FROM (SELECT graphile_worker.add_job('publish', (${eventSql()})::json)
       FROM generate_series(${from}, ${Math.min(events, from + 999)}) i) j`,
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
          concurrency: 24,
          noHandleSignals: true,
          logger,
          taskList: {
            publish: (event) => counting.one(event as RawCloudEvent),
          },
          preset: { worker: { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
        });
      },
      "first call",
    );
  } finally {
    await runner?.stop();
  }
}
