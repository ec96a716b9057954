import { fork } from "node:child_process";
import { once } from "node:events";
import { createRelay } from "@waybill/outbox";
import { type PostgresOptions, postgres } from "@waybill/outbox/postgres";
import type { Counting } from "./counting.ts";

export interface DrainOptions {
  readonly relays?: number;
  /** Each relay in a process of its own. */
  readonly processes?: boolean;
  readonly mode?: PostgresOptions["mode"] & string;
  readonly limitMs?: number;
}

/** A relay at work that can be kept from reading. */
export interface BenchRelay {
  /** Resolves once it has so many of the outbox's buckets. */
  has(buckets: number): Promise<void>;
  /** Resolves once it reads no more. */
  hold(): Promise<void>;
  go(): void;
  stop(): Promise<void>;
}

/** What a relay has published before anything is measured. */
const WARM = 2_000;

/**
 * Relays that run already drain what `fill` puts into the outbox while they are kept from reading. Answers events a second from the moment
 * when they may to the last event.
 */
export async function drainWaybill(
  url: string,
  counting: Counting,
  events: number,
  fill: (events: number) => Promise<void>,
  { relays = 1, processes = false, mode = "polling", limitMs = 120_000 }: DrainOptions = {},
): Promise<number> {
  const running: BenchRelay[] = [];
  try {
    for (let i = 0; i < relays; i++) running.push(await (processes ? relayProcess : benchRelay)(url, counting, mode));
    await Promise.all(running.map((relay) => relay.has(Math.floor(64 / relays))));
    await counting.rate(WARM, limitMs, () => fill(WARM));
    await Promise.all(running.map((relay) => relay.hold()));
    await fill(events);
    return await counting.rate(events, limitMs, async () => {
      for (const relay of running) relay.go();
    });
  } finally {
    await Promise.all(running.map((relay) => relay.stop()));
  }
}

export async function benchRelay(
  url: string,
  publisher: Pick<Counting, "publishRaw" | "stopsKeys">,
  mode: PostgresOptions["mode"] & string,
): Promise<BenchRelay> {
  let gate: PromiseWithResolvers<true> | undefined;
  let reached: () => void = () => undefined;
  const pace = () => {
    if (gate !== undefined) reached();
    return gate?.promise ?? true;
  };
  const store = postgres({ connectionString: url, mode });
  const relay = createRelay({ store, publisher, leaseMs: 1_000, pace });
  await relay.start();
  const go = () => {
    gate?.resolve(true);
    gate = undefined;
  };
  return {
    async has(buckets) {
      while (relay.status().buckets < buckets) await new Promise((resolve) => setTimeout(resolve, 10));
    },
    hold() {
      gate = Promise.withResolvers();
      return new Promise((resolve) => {
        reached = resolve;
      });
    },
    go,
    async stop() {
      go();
      await relay.drain({ deadlineMs: 30_000 });
      await store.close();
    },
  };
}

/** See `relay-process.ts`. */
async function relayProcess(url: string, counting: Counting, mode: string): Promise<BenchRelay> {
  const child = fork(new URL("relay-process.ts", import.meta.url), [url, mode]);
  child.on("message", (told: { published?: number }) => counting.note(told.published ?? 0));
  await once(child, "message");
  const answer = async (order: object) => {
    child.send(order);
    for (;;) {
      const [told] = (await once(child, "message")) as [{ done?: true }];
      if (told.done) return;
    }
  };
  return {
    has: (buckets) => answer({ has: buckets }),
    hold: () => answer({ hold: true }),
    go: () => void child.send({ go: true }),
    async stop() {
      child.send({ stop: true });
      await once(child, "exit");
    },
  };
}
