import { randomUUID } from "node:crypto";
import { defineEvent, defineTopic } from "@waybill/core";
import { createOutbox } from "@waybill/outbox";
import { postgres } from "@waybill/outbox/postgres";
import { Client, Pool } from "pg";
import type { RunningPostgres } from "../../postgres/start-postgres.ts";
import { median } from "../result.ts";

const placed = defineEvent("com.example.order.placed");
const orders = defineTopic("orders", [placed]);
const data = { orderId: "o-1", total: 42, note: "x".repeat(90) };

/** Transactions a second of 64 clients that change a row and write an event; with NOTIFY inside the transaction, or as Waybill does. */
export async function producers(
  server: RunningPostgres,
  url: string,
  transactions: number,
  notifyInside: boolean,
): Promise<number> {
  const clients = 64;
  await server.query(
    `CREATE TABLE IF NOT EXISTS account (id int PRIMARY KEY, n int NOT NULL);
     INSERT INTO account SELECT i, 0 FROM generate_series(1, 1000) i ON CONFLICT DO NOTHING`,
    url,
  );
  const pool = new Pool({ connectionString: url, max: clients });
  const store = postgres({ pool });
  await store.open();
  const outbox = createOutbox({ store, source: "/shop" });
  let left = transactions;
  const client = async (n: number) => {
    while (left-- > 0) {
      await outbox.transaction(async (tx) => {
        await tx.query({
          name: "touch",
          text: "UPDATE account SET n = n + 1 WHERE id = $1",
          values: [1 + ((n * 15 + left) % 1000)],
        });
        await outbox.publish(tx, orders, placed(data, { key: `k${n}` }));
        if (notifyInside) await tx.query("NOTIFY news");
      });
    }
  };
  // All connections are there before the clock runs.
  await Promise.all(Array.from({ length: clients }, async () => (await pool.connect()).release()));
  const began = performance.now();
  await Promise.all(Array.from({ length: clients }, (_, n) => client(n)));
  const rate = (transactions / (performance.now() - began)) * 1_000;
  await store.close();
  await pool.end();
  await server.query("TRUNCATE waybill.outbox", url);
  return rate;
}

/**
 * Makes each flush of the log wait a millisecond more, as on the disk of a cloud's database: commit_delay, without its condition that others are
 * committing too. Answers how to undo it.
 */
export async function slowFlush(server: RunningPostgres): Promise<() => Promise<void>> {
  const set = async (delayUs: number, siblings: number) => {
    await server.query(`ALTER SYSTEM SET commit_delay = ${delayUs}`);
    await server.query(`ALTER SYSTEM SET commit_siblings = ${siblings}`);
    await server.query("SELECT pg_reload_conf()");
  };
  await set(1_000, 0);
  return () => set(0, 5);
}

/** How much longer a transaction with `outbox.publish` takes than one with the bare INSERT of the same bytes, in percent. */
export async function publishOverhead(server: RunningPostgres, url: string, rounds: number): Promise<number> {
  const store = postgres({ connectionString: url });
  await store.open();
  const outbox = createOutbox({ store, source: "/shop" });
  const client = new Client({ connectionString: url });
  await client.connect();
  const event = JSON.stringify({
    specversion: "1.0",
    ...placed(data, { key: "k" }),
    source: "/shop",
    id: randomUUID(),
  });
  const ways = {
    bare: () =>
      client.query({
        name: "bare",
        text: "INSERT INTO waybill.outbox (bucket, topic, key, event) VALUES ($1, $2, $3, $4)",
        values: [7, "orders", "k", event],
      }),
    publish: () => outbox.publish(client, orders, placed(data, { key: "k" })),
  };
  const took: Record<keyof typeof ways, number[]> = { bare: [], publish: [] };
  // In turns, so that whatever else the machine does meets both.
  for (let round = 0; round < rounds; round++) {
    for (const way of ["bare", "publish"] as const) {
      const began = performance.now();
      for (let i = 0; i < 20; i++) {
        await client.query("BEGIN");
        await ways[way]();
        await client.query("COMMIT");
      }
      if (round >= rounds / 10) took[way].push(performance.now() - began);
    }
  }
  await client.end();
  await store.close();
  await server.query("TRUNCATE waybill.outbox", url);
  return (median(took.publish) / median(took.bare) - 1) * 100;
}
