import { Client } from "pg";
import type { RunningPostgres } from "../../postgres/start-postgres.ts";

export const KEYS = 1_000;

/** The same ~300 bytes of CloudEvent for every contestant, as an SQL expression of the number `i`. */
export const eventSql = (keys: number = KEYS): string =>
  `'{"specversion":"1.0","id":"' || gen_random_uuid() || '","source":"/shop","type":"com.example.order.placed","time":"2026-11-26T21:00:00.000Z","partitionkey":"k' || (i % ${keys}) || '","datacontenttype":"application/json","data":{"orderId":"o-' || i || '","total":42,"note":"${"x".repeat(90)}"}}'`;

/** Fills the outbox of a database past the API, which is measured elsewhere. */
export async function fillOutbox(server: RunningPostgres, url: string, events: number, keys = KEYS): Promise<void> {
  await server.query(
    `INSERT INTO waybill.outbox (bucket, topic, key, event)
     SELECT hashtext('k' || (i % ${keys})) & 63, 'orders', 'k' || (i % ${keys}), ${eventSql(keys)} FROM generate_series(1, ${events}) i`,
    url,
  );
  await settle(server, url);
}

/** What a fresh load leaves behind is done before anything is timed. */
export async function settle(server: RunningPostgres, url: string): Promise<void> {
  await server.query("VACUUM ANALYZE", url);
  await server.query("CHECKPOINT");
}

/** An open snapshot, as of a long report or a dump: nothing that is removed can be cleaned up before it ends. */
export async function holdSnapshot(url: string): Promise<() => Promise<void>> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
  await client.query("SELECT count(*) FROM pg_class");
  return () => client.end();
}

/**
 * Makes the log's files. A new server writes each of them full of zeros first, which takes a third of the time of whoever removes 100 000 rows;
 * one that has been at work for a while has them to use again. It keeps them with `min_wal_size` of as much.
 */
export async function makeLog(server: RunningPostgres, megabytes: number): Promise<void> {
  await server.query(
    `SELECT pg_logical_emit_message(false, '', repeat('x', 1000000)) FROM generate_series(1, ${megabytes})`,
  );
  // What is before the last checkpoint is used again.
  await server.query("CHECKPOINT");
  await server.query("CHECKPOINT");
}
