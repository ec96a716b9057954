import { openRelay, openStore } from "@waybill/config";
import type { RelayObserver, Store } from "@waybill/outbox";
import { Command } from "commander";
import type { Logger } from "pino";
import type { Action, Bind } from "../../action.ts";
import { cliErrors } from "../../cli-errors.ts";
import { EXIT } from "../../exit-codes.ts";
import { createLogger } from "../../logger.ts";
import { drainTimeout, port } from "../../option-values.ts";
import { within } from "../../within.ts";
import type { Watch } from "./watch.ts";

const EXAMPLES = `
Several relays may run on one outbox: they share the work, or over SQLite one works and the others stand by; what one leaves the others
take over. On SIGTERM or SIGINT it takes nothing new, finishes what is in flight and exits 0; when that takes longer than --drain-timeout
it exits 1. A second signal ends it at once. Nothing is lost either way.

Examples:
  waybill relay
  waybill relay --json --drain-timeout 30s
  waybill relay --set relay.batch=100 --log-level debug
  waybill relay --port 9464 --host 0.0.0.0

With --port it answers /healthz, /readyz and /metrics (Prometheus) there: on this machine only, unless --host says otherwise.`;

/** Beyond the drain's deadline: for the drain itself to notice it, and then for closing. */
const LATE_MS = 250;
const CLOSE_MS = 500;

export function relayCommand(bind: Bind): Command {
  return new Command("relay")
    .description("Publish what services have written into the outbox, until told to stop.")
    .addOption(drainTimeout())
    .option(
      "--port <port>",
      "answer health, readiness and metrics on this port (0: a free one); default: nowhere",
      port,
    )
    .option("--host <address>", "where that port listens", "127.0.0.1")
    .addHelpText("after", EXAMPLES)
    .action(
      bind((_, options) => {
        const { drainTimeout, port: at, host } = options as { drainTimeout: number; port?: number; host: string };
        return relay(drainTimeout, at === undefined ? undefined : { host, port: at });
      }),
    );
}

const relay =
  (drainTimeoutMs: number, at: { host: string; port: number } | undefined): Action =>
  async (session) => {
    const { output, json, shutdown } = session;
    const loaded = await session.loaded();
    for (const [broker, { adapter }] of Object.entries(loaded.config.brokers)) {
      if (adapter === "memory") throw cliErrors.WB_RELAY_OVER_MEMORY({ broker });
    }
    const log = createLogger(session);
    const store = await openStore(loaded, "outbox");
    const count = { retried: 0, dead: 0 };
    let watch: Watch | undefined;
    try {
      // Its Prometheus client is loaded only where it is asked for.
      if (at !== undefined) watch = await (await import("./watch.ts")).openWatch(at, store);
      // A broker that is down is what an outbox is for: the relay starts, says so, and waits.
      const { bus } = await session.open({ evenIfDown: true });
      const worker = await openRelay({ loaded, bus, store, observer: both(observe(log, count), watch?.observer) });
      await worker.start();
      watch?.started(worker);
      void session.brokerTrouble().then((error) => {
        if (error !== undefined && !shutdown.signal.aborted) log.warn({ error }, "broker not reachable yet");
      });
      const { owner } = worker.status();
      const place = watch === undefined ? {} : { host: at?.host, port: watch.port };
      if (json) await output.json({ ready: true, owner, outbox: store.name, ...place });
      else await output.line(watch === undefined ? "relay ready" : `relay ready, watched at ${at?.host}:${watch.port}`);
      const began = performance.now();
      shutdown.finishWithin(drainTimeoutMs + 2 * LATE_MS + CLOSE_MS);
      await waitFor(shutdown.signal, output.readerGone);
      watch?.draining();
      log.info({ deadlineMs: drainTimeoutMs }, "draining");
      try {
        // An adapter that hangs where the relay waits without a limit must not outlast it.
        if (!(await within(drainTimeoutMs + LATE_MS, worker.drain({ deadlineMs: drainTimeoutMs })))) {
          const { inFlight } = worker.status();
          throw cliErrors.WB_CLI_DRAIN_DEADLINE({ deadlineMs: drainTimeoutMs, abandoned: inFlight });
        }
      } finally {
        const { published } = worker.status();
        const stats = { published, ...count, seconds: Math.round((performance.now() - began) / 100) / 10 };
        if (json) await output.json({ stopped: true, ...stats, ...(await leftIn(store)) });
        else
          await output.line(
            `published ${published}, retried ${count.retried}, gave up ${count.dead} in ${stats.seconds} s`,
          );
      }
      return EXIT.ok;
    } finally {
      await Promise.all([session.close({ withinMs: CLOSE_MS }), within(CLOSE_MS, store.close()), watch?.close()]);
    }
  };

function observe(log: Logger, count: { retried: number; dead: number }): RelayObserver {
  return {
    published: ({ topic, count: events }) => log.debug({ topic, events }, "published"),
    retrying: ({ row, attempts, delayMs, error }) => {
      count.retried++;
      log.warn({ topic: row.topic, position: row.position, attempts, delayMs, error }, "trying again");
    },
    dead: ({ row, attempts, reason, error }) => {
      count.dead++;
      log.error({ topic: row.topic, position: row.position, attempts, reason, error }, "given up");
    },
    resting: ({ topic, delayMs, error }) => log.warn({ topic, delayMs, error }, "nothing of this topic comes through"),
    lease: ({ owner, held, buckets }) => log.info({ owner, buckets }, held ? "working" : "standing by"),
    trouble: ({ error }) => log.error({ error }, "trouble with the store"),
  };
}

/** Two observers as one. */
function both(one: RelayObserver, other: RelayObserver | undefined): RelayObserver {
  if (other === undefined) return one;
  const hooks = new Set([...Object.keys(one), ...Object.keys(other)]) as Set<keyof RelayObserver>;
  const call = (observer: RelayObserver, hook: keyof RelayObserver, told: never) => observer[hook]?.(told);
  return Object.fromEntries(
    [...hooks].map((hook) => [
      hook,
      (told: never) => {
        call(one, hook, told);
        call(other, hook, told);
      },
    ]),
  );
}

/** What is left, for the last line, where `dead` says what this relay gave up; a store that cannot say just now is no reason to fail. */
async function leftIn(store: Pick<Store, "counts">): Promise<object> {
  try {
    const { waiting, scheduled, parked } = await store.counts();
    return { waiting, scheduled, parked };
  } catch {
    return {};
  }
}

function waitFor(...signals: readonly AbortSignal[]): Promise<void> {
  const any = AbortSignal.any([...signals]);
  if (any.aborted) return Promise.resolve();
  return new Promise((resolve) => any.addEventListener("abort", () => resolve(), { once: true }));
}
