import { createRelay } from "@waybill/outbox";
import { postgres } from "@waybill/outbox/postgres";
import { type RunningPostgres, startPostgres } from "../postgres/start-postgres.ts";
import { Counting } from "./outbox/counting.ts";
import { drainGraphile } from "./outbox/graphile.ts";
import { latency } from "./outbox/latency.ts";
import { fillOutbox, holdSnapshot } from "./outbox/load.ts";
import { drainPgBoss, startPgBoss, startPgBoss10 } from "./outbox/pg-boss.ts";
import { drainPgTransactionalOutbox } from "./outbox/pg-transactional-outbox.ts";
import { producers, publishOverhead, slowFlush } from "./outbox/producers.ts";
import { drainSkipLocked } from "./outbox/skip-locked.ts";
import { toKafka } from "./outbox/to-kafka.ts";
import { type DrainOptions, drainWaybill } from "./outbox/waybill.ts";
import { type BenchOptions, median, type Result } from "./result.ts";

/** The relay on PostgreSQL beside its peers: one machine, one server with fsync on, one publisher that does nothing. */
export async function run(options: BenchOptions): Promise<Result[]> {
  const server = await startPostgres({
    fsync: true,
    settings: { shared_buffers: "512MB", max_wal_size: "8GB", wal_level: "logical" },
  });
  try {
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
    await this.#ours(small);
    const oursSmall = await this.#median(() => this.#ours(small));
    const oursLarge = await this.#median(() => this.#ours(large));
    this.#add("drain", oursLarge, "events/s");
    const server = this.#server;
    const counting = this.#counting;
    const limitMs = quick ? 5_000 : 20_000;
    const peerSmall = await drainPgTransactionalOutbox(server, await server.database(), counting, small, limitMs);
    const peerLarge = await drainPgTransactionalOutbox(server, await server.database(), counting, large, limitMs);
    this.#add("pg-transactional-outbox, drain", peerLarge, "events/s");
    this.#ratio(`drain of ${small} ÷ pg-transactional-outbox`, oursSmall / peerSmall, 100);
    this.#ratio(`drain of ${large} ÷ pg-transactional-outbox`, oursLarge / peerLarge, 300);
    const graphile = await drainGraphile(server, await server.database(), counting, large);
    this.#add("graphile-worker batched, drain", graphile, "events/s");
    this.#ratio("drain ÷ graphile-worker batched", oursLarge / graphile, 5);
    const boss = await drainPgBoss(startPgBoss, server, await server.database(), counting, large);
    this.#add("pg-boss, drain", boss, "events/s");
    this.#ratio("drain ÷ pg-boss", oursLarge / boss, 20);
    const boss10 = await drainPgBoss(startPgBoss10, server, await server.database(), counting, large);
    this.#add("pg-boss 10.4, drain", boss10, "events/s");
    this.#ratio("drain ÷ pg-boss 10.4", oursLarge / boss10, 20);
    const url = await server.database();
    const byHand = await this.#median(() => drainSkipLocked(server, url, counting, large));
    this.#add("SKIP LOCKED by hand, drain", byHand, "events/s");
    this.#ratio("drain ÷ SKIP LOCKED by hand", oursLarge / byHand, 1.3);
  }

  async #heldSnapshot(): Promise<void> {
    const events = this.#options.quick ? 30_000 : 300_000;
    const server = this.#server;
    const url = await server.database();
    const byHand = await drainSkipLocked(server, url, this.#counting, events, () => holdSnapshot(url));
    const ours = await this.#ours(events, { held: true });
    this.#add("drain while a snapshot is held", ours, "events/s");
    this.#ratio("drain ÷ SKIP LOCKED by hand, snapshot held", ours / byHand, 4);
  }

  /** From a thousand rows of backlog to a million; small ones several times. */
  async #flatness(): Promise<void> {
    const { full, quick } = this.#options;
    const sizes = quick ? [1_000, 10_000] : [1_000, 10_000, 100_000, 200_000, ...(full ? [1_000_000] : [])];
    await this.#ours(10_000);
    const rates: number[] = [];
    for (const events of sizes) {
      const some: number[] = [];
      for (let round = 0; round < (events < 100_000 ? 5 : 1); round++) some.push(await this.#ours(events));
      rates.push(median(some));
      this.#add(`drain of ${events}`, median(some), "events/s");
    }
    this.#add("slowest ÷ fastest of these", Math.min(...rates) / Math.max(...rates), "ratio");
  }

  async #relays(): Promise<void> {
    const events = this.#options.quick ? 10_000 : 200_000;
    for (const processes of [false, true]) {
      for (const relays of [1, 2, 4]) {
        const rate = await this.#median(() => this.#ours(events, { relays, processes }));
        this.#add(
          `drain by ${relays} relay${relays === 1 ? "" : "s"} in ${processes ? "processes of their own" : "one process"}`,
          rate,
          "events/s",
        );
      }
    }
    this.#add("drain, change data capture", await this.#median(() => this.#ours(events, { mode: "cdc" })), "events/s");
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

  async #latencies(): Promise<void> {
    const seconds = this.#options.quick ? 1 : 4;
    for (const mode of ["polling", "cdc"] as const) {
      for (const perSecond of [200, 1_000, 4_000]) {
        const { p50Ms, p99Ms, afterCommit } = await latency(await this.#server.database(), perSecond, seconds, mode);
        this.#add(`insert to dispatch at ${perSecond}/s, p50, ${mode}`, p50Ms, "ms", 2, false);
        this.#add(`insert to dispatch at ${perSecond}/s, p99, ${mode}`, p99Ms, "ms", 6, false);
        this.#add(`commit to dispatch at ${perSecond}/s, p50, ${mode}`, afterCommit.p50Ms, "ms", undefined, false);
        this.#add(`commit to dispatch at ${perSecond}/s, p99, ${mode}`, afterCommit.p99Ms, "ms", undefined, false);
      }
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
    return this.#drain(await this.#server.database(), events, options);
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

  async #median(measure: () => Promise<number>): Promise<number> {
    const rates: number[] = [];
    for (let round = 0; round < (this.#options.quick ? 1 : 3); round++) rates.push(await measure());
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
