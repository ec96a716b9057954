import type { RawCloudEvent } from "@waybill/core";
import { Client } from "pg";
import type { RunningPostgres } from "../../postgres/start-postgres.ts";
import type { Counting } from "./counting.ts";
import { eventSql, KEYS, settle } from "./load.ts";

/** The loop that one writes by hand: lock a thousand, publish, delete, commit. It keeps no order with a second worker. */
export async function drainSkipLocked(
  server: RunningPostgres,
  url: string,
  counting: Counting,
  events: number,
  hold?: () => Promise<() => Promise<void>>,
): Promise<number> {
  await server.query(
    `DROP TABLE IF EXISTS by_hand;
     CREATE TABLE by_hand (pos bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, topic text NOT NULL, key text, event text NOT NULL);
     INSERT INTO by_hand (topic, key, event) SELECT 'orders', 'k' || (i % ${KEYS}), ${eventSql()} FROM generate_series(1, ${events}) i`,
    url,
  );
  await settle(server, url);
  const release = await hold?.();
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await counting.rate(events, 120_000, async () => {
      for (;;) {
        await client.query("BEGIN");
        const { rows } = await client.query({
          name: "claim",
          text: "SELECT pos, topic, key, event FROM by_hand ORDER BY pos LIMIT 1000 FOR UPDATE SKIP LOCKED",
        });
        await counting.publishRaw(
          "orders",
          rows.map(({ event }) => JSON.parse(event) as RawCloudEvent),
        );
        await client.query({
          name: "remove",
          text: "DELETE FROM by_hand WHERE pos = ANY($1::bigint[])",
          values: [rows.map(({ pos }) => pos)],
        });
        await client.query("COMMIT");
        if (rows.length < 1_000) return;
      }
    });
  } finally {
    await client.end();
    await release?.();
  }
}
