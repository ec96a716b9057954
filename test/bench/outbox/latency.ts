import type { RawCloudEvent } from "@waybill/core";
import { createOutbox, createRelay } from "@waybill/outbox";
import { type PostgresOptions, postgres } from "@waybill/outbox/postgres";
import { collectGarbage } from "../result.ts";

export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** What is left without the transaction, which waits for the disk: from when the caller knows that it is committed. */
  readonly afterCommit: { readonly p50Ms: number; readonly p99Ms: number };
}

/**
 * From the call of `outbox.transaction`, its commit included, to the publisher's call, at a steady rate: one event a transaction up to 1 000 a
 * second, ten above. Producer and relay share one process.
 */
export async function latency(
  url: string,
  perSecond: number,
  seconds: number,
  mode: PostgresOptions["mode"] = "polling",
): Promise<Latency> {
  const producer = postgres({ connectionString: url, maxConnections: 8 });
  const store = postgres({ connectionString: url, mode });
  await producer.open();
  const outbox = createOutbox({ store: producer, source: "/shop" });
  const began = new Map<string, number>();
  const committed = new Map<string, number>();
  const dispatched = new Map<string, number>();
  const relay = createRelay({
    store,
    publisher: {
      async publishRaw(_topic: string, events: readonly RawCloudEvent[]) {
        const now = performance.now();
        for (const { id } of events) dispatched.set(id, now);
        return events.map(() => ({ ok: true as const, value: undefined }));
      },
    },
  });
  await relay.start();
  const size = perSecond > 1_000 ? 10 : 1;
  const total = perSecond * seconds;
  const warm = Math.round(total / 5);
  const running: Promise<void>[] = [];
  collectGarbage();
  const start = performance.now();
  for (let n = 0; n < total; n += size) {
    const dueMs = start + (n / perSecond) * 1_000;
    while (performance.now() < dueMs) await new Promise((resolve) => setTimeout(resolve, 1));
    const events: RawCloudEvent[] = Array.from({ length: size }, (_, i) => ({
      specversion: "1.0",
      id: `${n + i}`,
      source: "/shop",
      type: "com.example.order.placed",
      partitionkey: `k${(n + i) % 1_000}`,
      datacontenttype: "application/json",
      data: { orderId: `o-${n + i}`, total: 42, note: "x".repeat(90) },
    }));
    const now = performance.now();
    for (const { id } of events) began.set(id, now);
    running.push(
      outbox
        .transaction((tx) => outbox.publishRaw(tx, "orders", events))
        .then(() => {
          const done = performance.now();
          for (const { id } of events) committed.set(id, done);
        }),
    );
  }
  await Promise.all(running);
  while (dispatched.size < total) await new Promise((resolve) => setTimeout(resolve, 5));
  await relay.close();
  await Promise.all([producer.close(), store.close()]);
  const ids = [...began.keys()].slice(warm);
  const since = (from: ReadonlyMap<string, number>) =>
    percentiles(ids.map((id) => dispatched.get(id)! - from.get(id)!));
  return { ...since(began), afterCommit: since(committed) };
}

function percentiles(values: number[]): { p50Ms: number; p99Ms: number } {
  values.sort((a, b) => a - b);
  return { p50Ms: values[Math.floor(values.length * 0.5)]!, p99Ms: values[Math.floor(values.length * 0.99)]! };
}
