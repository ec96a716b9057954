import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Publisher, RetryOptions } from "@waybill/core";
import { type Clock, systemClock } from "@waybill/core/spi";
import { outboxErrors } from "../outbox-errors.ts";
import type { Store } from "../store.ts";
import { isPermanent } from "./permanent.ts";
import type { RelayObserver } from "./relay-observer.ts";
import { RelayRun } from "./relay-run.ts";
import type { RelayStatus } from "./relay-status.ts";

export interface RelayOptions {
  readonly store: Pick<Store, "feed">;
  /** Its calls must end, as those of a bus do: one that never does keeps its events and their keys until this relay is stopped. */
  readonly publisher: Publisher;
  /** Names this relay for people, as in `waybill outbox status`. A random part is added, for two of one name must not share a lease. Default: host and process. */
  readonly owner?: string;
  /** Events in one call of the publisher, 1 to 10 000. Default 500. Up to four times as many are read ahead. */
  readonly batch?: number;
  /** Calls of the publisher at once, 1 to 64; never two with one key at once, and of a key one event a call unless the publisher stops at the first that it refuses. Default 4. */
  readonly concurrency?: number;
  /** Another relay takes over so long after this one fell silent, 300 to 600 000. Default 5 000. */
  readonly leaseMs?: number;
  /** How often to look for events of other processes when idle; while they come it is each millisecond. Default: 50 for SQLite and MySQL, 1 000 for PostgreSQL, which notifies. */
  readonly pollMs?: number;
  /** Published rows are removed together after so long. A crash before that publishes them again. Default 100. */
  readonly markMs?: number;
  /**
   * How often one event is tried before it is given up. Default: 15 attempts, 200 ms to 60 s apart, doubling: about seven minutes. Tries do not count
   * while the broker cannot be reached or refuses all that is offered to the topic.
   */
  readonly retry?: RetryOptions;
  /** A topic of which nothing comes through is tried at least so often. Default 5 000. */
  readonly maxRestMs?: number;
  /** Errors that no later try can change. Default: {@link isPermanent}. */
  readonly isPermanent?: (error: unknown) => boolean;
  /** A given up event's key: its later events go on (default), or wait until an operator retries or discards it. */
  readonly onPoison?: "continue" | "halt-key";
  /** Asked before each reading of rows: `false` makes the relay wait a little and ask again, such as while the destination's backlog is too long. */
  readonly pace?: () => boolean | Promise<boolean>;
  /** How long published events stay readable in the store. Default: not at all. */
  readonly retention?: { readonly keepSentMs?: number };
  readonly clock?: Clock;
  readonly observer?: RelayObserver;
}

/**
 * Publishes what is in an outbox: reads, publishes, removes. Order holds per topic and key, through failures and a change of relay; keys
 * do not wait for each other. At least once: a crash between publishing and removing publishes again, with the same id.
 */
export interface Relay extends AsyncDisposable {
  /** Opens the store and begins. Rejects when the store cannot be opened; afterwards troubles are handled and told to the observer. */
  start(): Promise<void>;
  /** Takes nothing new, finishes what is in flight, gives the lease back. Rejects with WB_RELAY_DRAIN_DEADLINE after `deadlineMs`; it is closed then too. */
  drain(options: { readonly deadlineMs: number }): Promise<void>;
  /** Stops at once. What is in flight may be published again. */
  close(): Promise<void>;
  status(): RelayStatus;
}

/** Several relays may run on one store; see {@link Store} for how they share the work. It does not close store or publisher. */
export function createRelay(options: RelayOptions): Relay {
  const run = new RelayRun({
    store: options.store,
    publisher: options.publisher,
    owner: `${options.owner ?? `${hostname()}/${process.pid}`}/${randomUUID().slice(0, 8)}`,
    batch: within("batch", options.batch ?? 500, 1, 10_000),
    concurrency: within("concurrency", options.concurrency ?? 4, 1, 64),
    leaseMs: within("leaseMs", options.leaseMs ?? 5_000, 300, 600_000),
    pollMs: options.pollMs === undefined ? undefined : within("pollMs", options.pollMs, 1, 60_000),
    markMs: within("markMs", options.markMs ?? 100, 0, 60_000),
    maxRestMs: within("maxRestMs", options.maxRestMs ?? 5_000, 1, 3_600_000),
    retry: {
      attempts: within("retry.attempts", options.retry?.attempts ?? 15, 1, 1_000),
      initialMs: options.retry?.initialMs ?? 200,
      factor: options.retry?.factor ?? 2,
      maxMs: options.retry?.maxMs ?? 60_000,
      jitter: options.retry?.jitter ?? 0.2,
    },
    isPermanent: options.isPermanent ?? isPermanent,
    haltKey: options.onPoison === "halt-key",
    pace: options.pace,
    keepSentMs: within("retention.keepSentMs", options.retention?.keepSentMs ?? 0, 0, Number.MAX_SAFE_INTEGER),
    clock: options.clock ?? systemClock,
    observer: options.observer,
  });
  return {
    start: () => run.start(),
    async drain({ deadlineMs }) {
      const inFlight = await run.stop(deadlineMs);
      if (inFlight > 0) throw outboxErrors.WB_RELAY_DRAIN_DEADLINE({ inFlight, deadlineMs });
    },
    async close() {
      await run.stop(0);
    },
    status: () => run.status(),
    async [Symbol.asyncDispose]() {
      await run.stop(10_000);
    },
  };
}

function within(option: string, value: number, min: number, max: number): number {
  if (value >= min && value <= max) return value;
  throw outboxErrors.WB_OUTBOX_OPTION({ option, problem: `is ${value}; it must be between ${min} and ${max}` });
}
