import type { Counts, Overview, Relay, RelayObserver, Store } from "@waybill/outbox";
import { Counter, Gauge, Registry } from "prom-client";
import { within } from "../../within.ts";

/** The backlog is read at most this often, however many ask: reading it costs the more, the longer it is. */
const READ_EVERY_MS = 5_000;
/** A store that takes longer has its figures left out. */
const READ_MS = 5_000;

export interface RelayMetrics {
  /** Counts what the relay tells. */
  readonly observer: RelayObserver;
  readonly contentType: string;
  /** In the Prometheus text format. Never rejects for a store that does not answer: `waybill_outbox_up` is 0 then. */
  text(): Promise<string>;
}

/** What one relay did, and what waits in its outbox. Rates are Prometheus' own to make: `rate(waybill_relay_published_total[1m])`. */
export function createMetrics(
  store: Pick<Store, "counts" | "overview">,
  relay: () => Relay | undefined,
  now: () => number = Date.now,
): RelayMetrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = (name: string, help: string, ...labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = (name: string, help: string, ...labelNames: string[]) =>
    new Gauge({ name, help, labelNames, registers });

  const published = counter("waybill_relay_published_total", "Events that the broker has taken.", "topic");
  const failures = counter("waybill_relay_failures_total", "Tries that failed and are made again.", "topic");
  const dead = counter("waybill_relay_dead_total", "Events given up: now among the dead of the outbox.", "topic");
  const trouble = counter("waybill_relay_trouble_total", "Troubles with the store, each tried again.");
  const rests = counter("waybill_relay_rests_total", "Times that nothing of a topic came through.", "topic");
  const buckets = gauge("waybill_relay_buckets", "Of the outbox's 64 buckets, those that this relay works on.");
  const inFlight = gauge("waybill_relay_in_flight", "Events being published this moment.");
  const resting = gauge("waybill_relay_resting_topics", "Topics of which nothing comes through.");
  const up = gauge("waybill_outbox_up", "1 when the store answers.");
  const rows = gauge("waybill_outbox_rows", "Events in the outbox.", "state");
  const lagRows = gauge("waybill_outbox_lag_rows", "Events that wait.", "topic");
  const lagSeconds = gauge("waybill_outbox_lag_seconds", "Age of the oldest event that waits.", "topic");

  let reading: Promise<void> | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  const read = async () => {
    readAt = now();
    const both = Promise.all([store.counts(), store.overview()]);
    try {
      const answered = await within(READ_MS, both);
      up.set(answered ? 1 : 0);
      if (answered) show(...(await both));
      else forget();
    } catch {
      up.set(0);
      forget();
    }
  };
  const show = (counts: Counts, { topics }: Overview) => {
    for (const state of ["waiting", "scheduled", "parked", "dead"] as const) rows.set({ state }, counts[state]);
    // A topic that has nothing left is told no more, and not left where it was.
    lagRows.reset();
    lagSeconds.reset();
    for (const { topic, waiting, oldestMs } of topics) {
      lagRows.set({ topic }, waiting);
      if (oldestMs !== undefined) lagSeconds.set({ topic }, Math.max(0, now() - oldestMs) / 1_000);
    }
  };
  const forget = () => {
    for (const one of [rows, lagRows, lagSeconds]) one.reset();
  };

  return {
    observer: {
      published: ({ topic, count }) => published.inc({ topic }, count),
      retrying: ({ row: { topic } }) => failures.inc({ topic }),
      dead: ({ row: { topic } }) => dead.inc({ topic }),
      resting: ({ topic }) => rests.inc({ topic }),
      trouble: () => trouble.inc(),
    },
    contentType: registry.contentType,
    async text() {
      const status = relay()?.status();
      buckets.set(status?.buckets ?? 0);
      inFlight.set(status?.inFlight ?? 0);
      resting.set(status?.resting.length ?? 0);
      if (reading === undefined && now() - readAt >= READ_EVERY_MS) {
        reading = read().finally(() => {
          reading = undefined;
        });
      }
      await reading;
      return registry.metrics();
    },
  };
}
