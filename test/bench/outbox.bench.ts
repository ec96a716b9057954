import { createRelay } from "@waybill/outbox";
import { postgres } from "@waybill/outbox/postgres";
import { type RunningPostgres, startPostgres } from "../postgres/start-postgres.ts";
import { Counting } from "./outbox/counting.ts";
import { drainGraphile } from "./outbox/graphile.ts";
import { type Latency, latency } from "./outbox/latency.ts";
import { fillOutbox, holdSnapshot, makeLog } from "./outbox/load.ts";
import { drainPgBoss, startPgBoss, startPgBoss10 } from "./outbox/pg-boss.ts";
import { drainPgTransactionalOutbox } from "./outbox/pg-transactional-outbox.ts";
import { producers, publishOverhead, slowFlush } from "./outbox/producers.ts";
import { drainSkipLocked } from "./outbox/skip-locked.ts";
import { toKafka } from "./outbox/to-kafka.ts";
import { inDatabase, inTurns } from "./outbox/turns.ts";
import { type DrainOptions, drainWaybill } from "./outbox/waybill.ts";
import { type BenchOptions, median, type Result } from "./result.ts";

/** The relay on PostgreSQL beside its peers: one machine, one server with fsync on, one publisher that does nothing. */
export async function run(options: BenchOptions): Promise<Result[]> {
  const server = await startPostgres({
    fsync: true,
    settings: { shared_buffers: "512MB", min_wal_size: "1GB", max_wal_size: "8GB", wal_level: "logical" },
  });
  try {
    if (!options.quick) await makeLog(server, 1_000);
    return await new OutboxBench(server, options).run();
  } finally {
    await server.stop();
  }
}

class OutboxBench {
  readonly #server: RunningPostgres;
  readonly #options: BenchOptions;
  readonly #counting = new Counting();
  readonly #results: Result[] = [];

  constructor(server: RunningPostgres, options: BenchOptions) {
    this.#server = server;
    this.#options = options;
  }

  async run(): Promise<Result[]> {
    const parts: Readonly<Record<string, () => Promise<void>>> = {
      drain: () => this.#drains(),
      snapshot: () => this.#heldSnapshot(),
      flat: () => this.#flatness(),
      relays: () => this.#relays(),
      producers: () => this.#writing(),
      latency: () => this.#latencies(),
      idle: () => this.#idle(),
      kafka: () => this.#kafka(),
    };
    const { only } = this.#options;
    const unknown = only.find((part) => !Object.hasOwn(parts, part));
    if (unknown !== undefined) throw new Error(`There is no part ${unknown}, only ${Object.keys(parts).join(", ")}.`);
    for (const [name, part] of Object.entries(parts)) if (only.length === 0 || only.includes(name)) await part();
    return this.#results;
  }

  /** Against the peers, each of which drains as many events as it was given, at most for a while. */
  async #drains(): Promise<void> {
    const { quick } = this.#options;
    const [small, large] = quick ? [2_000, 10_000] : [20_000, 100_000];
    const server = this.#server;
    const counting = this.#counting;
    const rates = await inTurns(server, quick ? 1 : 5, large, {
      ours: { drain: (url, events) => this.#drain(url, events) },
      byHand: { drain: (url, events) => drainSkipLocked(server, url, counting, events) },
      graphile: { drain: (url, events) => drainGraphile(server, url, counting, events) },
      boss: { drain: (url, events) => drainPgBoss(startPgBoss, server, url, counting, events), rounds: 3 },
      boss10: { drain: (url, events) => drainPgBoss(startPgBoss10, server, url, counting, events), rounds: 3 },
    });
    const ours = this.#rounds("drain", rates.ours);
    const byHand = this.#rounds("SKIP LOCKED by hand, drain", rates.byHand);
    const graphile = this.#rounds("graphile-worker batched, drain", rates.graphile);
    const boss = this.#rounds("pg-boss, drain", rates.boss);
    const boss10 = this.#rounds("pg-boss 10.4, drain", rates.boss10);
    this.#ratio("drain ÷ SKIP LOCKED by hand", ours / byHand, 1.3);
    this.#ratio("drain ÷ graphile-worker batched", ours / graphile, 5);
    this.#ratio("drain ÷ pg-boss", ours / boss, 20);
    this.#ratio("drain ÷ pg-boss 10.4", ours / boss10, 20);
    // So far behind that one round says enough.
    const limitMs = quick ? 5_000 : 10_000;
    const transactional = (events: number) =>
      inDatabase(server, (url) => drainPgTransactionalOutbox(server, url, counting, events, limitMs));
    const oursSmall = median(await this.#several(() => this.#ours(small)));
    this.#ratio(`drain of ${small} ÷ pg-transactional-outbox`, oursSmall / (await transactional(small)), 100);
    const transactionalLarge = await transactional(large);
    this.#add("pg-transactional-outbox, drain", transactionalLarge, "events/s");
    this.#ratio(`drain of ${large} ÷ pg-transactional-outbox`, ours / transactionalLarge, 300);
  }

  async #heldSnapshot(): Promise<void> {
    const { quick } = this.#options;
    const server = this.#server;
    const rates = await inTurns(server, quick ? 1 : 3, quick ? 30_000 : 300_000, {
      ours: { drain: (url, events) => this.#drain(url, events, { held: true }) },
      byHand: { drain: (url, events) => drainSkipLocked(server, url, this.#counting, events, () => holdSnapshot(url)) },
    });
    const ours = this.#rounds("drain while a snapshot is held", rates.ours);
    const byHand = this.#rounds("SKIP LOCKED by hand while a snapshot is held", rates.byHand);
    this.#ratio("drain ÷ SKIP LOCKED by hand, snapshot held", ours / byHand, 4);
  }

  /** From a thousand rows of backlog to a million, all sizes in each round; the smallest, which take milliseconds, several times. */
  async #flatness(): Promise<void> {
    const { full, quick } = this.#options;
    const sizes = quick ? [1_000, 10_000] : [1_000, 10_000, 100_000, 200_000, ...(full ? [1_000_000] : [])];
    const rates = new Map<number, number[]>(sizes.map((events) => [events, []]));
    await this.#ours(sizes.at(-1)! / 5);
    for (let round = 0; round < (quick ? 1 : 3); round++) {
      for (const events of sizes) {
        for (let time = 0; time < (events < 100_000 ? 5 : 1); time++) rates.get(events)!.push(await this.#ours(events));
      }
    }
    const medians = sizes.map((events) => this.#rounds(`drain of ${events}`, rates.get(events)!));
    this.#add("slowest ÷ fastest of these", Math.min(...medians) / Math.max(...medians), "ratio");
  }

  async #relays(): Promise<void> {
    const events = this.#options.quick ? 10_000 : 200_000;
    for (const processes of [false, true]) {
      for (const relays of [1, 2, 4]) {
        this.#rounds(
          `drain by ${relays} relay${relays === 1 ? "" : "s"} in ${processes ? "processes of their own" : "one process"}`,
          await this.#several(() => this.#ours(events, { relays, processes })),
        );
      }
    }
    this.#rounds("drain, change data capture", await this.#several(() => this.#ours(events, { mode: "cdc" })));
  }

  async #writing(): Promise<void> {
    const server = this.#server;
    const transactions = this.#options.quick ? 1_000 : 10_000;
    const url = await server.database();
    await producers(server, url, transactions / 5, false);
    await this.#producers(url, transactions, "", 3);
    const undo = await slowFlush(server);
    await this.#producers(url, transactions / 5, ", flush slowed by 1 ms", 10);
    await undo();
    const overhead = await publishOverhead(server, url, this.#options.quick ? 30 : 200);
    this.#add("outbox.publish over the bare INSERT", overhead, "%", 10, false);
  }

  async #producers(url: string, transactions: number, how: string, aim: number): Promise<void> {
    const inside: number[] = [];
    const outside: number[] = [];
    for (let round = 0; round < 3; round++) {
      inside.push(await producers(this.#server, url, transactions, true));
      outside.push(await producers(this.#server, url, transactions, false));
    }
    this.#add(`64 producers${how}`, median(outside), "transactions/s");
    this.#add(`64 producers, NOTIFY inside the transaction${how}`, median(inside), "transactions/s");
    this.#ratio(`producers ÷ with NOTIFY inside${how}`, median(outside) / median(inside), aim);
  }

  /** The second table: to a real broker. */
  async #kafka(): Promise<void> {
    const { quick } = this.#options;
    const rates = new Map<string, number>();
    await toKafka(this.#server, quick ? 4_000 : 40_000, quick ? 5_000 : 30_000, (name, rate) => {
      rates.set(name, rate);
      this.#add(`outbox to Kafka${name}`, rate, "events/s");
    });
    const ours = rates.get("")!;
    for (const [name, rate] of rates) {
      if (name !== "") this.#add(`outbox to Kafka ÷ the same${name}`, ours / rate, "ratio");
    }
  }

  /** Each rate once a round: what the disk does for a second is then in one of three figures, of which the median counts. */
  async #latencies(): Promise<void> {
    const { quick } = this.#options;
    const cases = (["polling", "cdc"] as const).flatMap((mode) =>
      [200, 1_000, 4_000].map((perSecond) => ({ mode, perSecond, rounds: [] as Latency[] })),
    );
    const measure = ({ mode, perSecond }: { mode: "polling" | "cdc"; perSecond: number }, seconds: number) =>
      inDatabase(this.#server, (url) => latency(url, perSecond, seconds, mode));
    // Not counted: they compile what runs.
    for (const mode of ["polling", "cdc"] as const) await measure({ mode, perSecond: 1_000 }, 1);
    for (let round = 0; round < (quick ? 1 : 3); round++) {
      for (const one of cases) one.rounds.push(await measure(one, quick ? 1 : 2));
    }
    for (const { mode, perSecond, rounds } of cases) {
      const figure = (what: string, pick: (one: Latency) => number, aim?: number) =>
        this.#add(`${what}, ${mode}`, median(rounds.map(pick)), "ms", aim, false);
      figure(`insert to dispatch at ${perSecond}/s, p50`, ({ p50Ms }) => p50Ms, 2);
      figure(`insert to dispatch at ${perSecond}/s, p99`, ({ p99Ms }) => p99Ms, 6);
      figure(`commit to dispatch at ${perSecond}/s, p50`, ({ afterCommit }) => afterCommit.p50Ms);
      figure(`commit to dispatch at ${perSecond}/s, p99`, ({ afterCommit }) => afterCommit.p99Ms);
    }
  }

  /** Queries of a relay that has nothing to do, and what a drained table takes. */
  async #idle(): Promise<void> {
    const server = this.#server;
    const url = await server.database();
    await this.#drain(url, this.#options.full ? 1_000_000 : 100_000);
    const [{ bytes }] = (await server.query(
      "SELECT pg_total_relation_size('waybill.outbox')::float8 AS bytes",
      url,
    )) as [{ bytes: number }];
    await server.query("VACUUM waybill.outbox", url);
    const [{ after }] = (await server.query(
      "SELECT pg_total_relation_size('waybill.outbox')::float8 AS after",
      url,
    )) as [{ after: number }];
    this.#add("outbox table after the drain, before a vacuum", bytes / 2 ** 20, "MiB", undefined, false);
    this.#add("outbox table after the drain, vacuumed", after / 2 ** 20, "MiB", undefined, false);
    const store = postgres({ connectionString: url });
    const relay = createRelay({ store, publisher: this.#counting });
    await relay.start();
    const commits = async () => {
      // Backends tell of their work once a second at most, idle ones at once.
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      const [row] = await server.query(
        `SELECT xact_commit::int AS n FROM pg_stat_database WHERE datname = '${new URL(url).pathname.slice(1)}'`,
      );
      return row!.n as number;
    };
    const before = await commits();
    const began = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    const queries = (await commits()) - before;
    this.#add(
      "queries of an idle relay",
      (queries / (performance.now() - began)) * 1_000,
      "a second",
      undefined,
      false,
    );
    await relay.close();
    await store.close();
  }

  async #ours(events: number, options: DrainOptions & { held?: boolean } = {}): Promise<number> {
    return inDatabase(this.#server, (url) => this.#drain(url, events, options));
  }

  async #drain(
    url: string,
    events: number,
    { held, ...options }: DrainOptions & { held?: boolean } = {},
  ): Promise<number> {
    const store = postgres({ connectionString: url });
    await store.open();
    await store.close();
    let release: (() => Promise<void>) | undefined;
    const fill = async (count: number) => {
      await fillOutbox(this.#server, url, count);
      if (held && count === events) release = await holdSnapshot(url);
    };
    try {
      return await drainWaybill(url, this.#counting, events, fill, options);
    } finally {
      await release?.();
    }
  }

  async #several(measure: () => Promise<number>): Promise<number[]> {
    const rates: number[] = [];
    for (let round = 0; round < (this.#options.quick ? 1 : 3); round++) rates.push(await measure());
    return rates;
  }

  /** The median of some rounds, which is answered, and how far they lie apart. */
  #rounds(name: string, rates: readonly number[]): number {
    this.#options.progress(
      `${name}, rounds: ${rates
        .map(Math.round)
        .sort((a, b) => a - b)
        .join(", ")} events/s`,
    );
    this.#add(name, median(rates), "events/s");
    return median(rates);
  }

  #ratio(name: string, value: number, aim: number): void {
    this.#add(name, value, "ratio", aim);
  }

  #add(name: string, value: number, unit: string, aim?: number, higherIsBetter = true): void {
    const rounded = value >= 100 ? Math.round(value) : Math.round(value * 100) / 100;
    this.#results.push({ name, value: rounded, unit, ...(aim === undefined ? {} : { aim }), higherIsBetter });
    this.#options.progress(`${name}: ${rounded} ${unit}${aim === undefined ? "" : ` (aim ${aim})`}`);
  }
}
