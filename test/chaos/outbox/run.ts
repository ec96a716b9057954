import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "../../servers/launch-server.ts";
import type { ChaosReport } from "../main.ts";
import { type Account, account, type Entry, problemsOf } from "./account.ts";
import type { Told } from "./child.ts";
import { type Database, openDatabase, type StoreName, TABLES } from "./database.ts";
import { type Arrival, LogReader } from "./log.ts";
import { Member } from "./member.ts";
import { type Place, startPlace } from "./place.ts";
import { seeded } from "./seeded.ts";
import type { WriterPlan } from "./writer-process.ts";

export interface OutboxChaosOptions {
  readonly store: StoreName;
  readonly events: number;
  readonly seed: number;
  /** How many troubles beside the kills; they go round through those that the store can have. */
  readonly faults: number;
  readonly leaseMs: number;
  /** A random relay is killed so often. */
  readonly killEveryMs: number;
  readonly brokerDownMs: number;
  /** The 8 writers share so many processes. */
  readonly writerProcesses: number;
  readonly progress?: (line: string) => void;
}

export interface OutboxChaosResult extends ChaosReport, Account {
  readonly problems: readonly string[];
  readonly faults: Readonly<Record<string, number>>;
  /** Errors that were handled, by code. */
  readonly troubles: Readonly<Record<string, number>>;
  readonly maxRelayRssMb: number;
  readonly seconds: number;
}

type Fault = "connections" | "freeze" | "restart" | "crash" | "broker" | "writer" | "consumer";
/** In this order, and again from the first one. */
const FAULTS: readonly Fault[] = [
  "connections",
  "freeze",
  "restart",
  "broker",
  "writer",
  "crash",
  "consumer",
  "freeze",
  "connections",
  "freeze",
];
const WRITERS = 8;
const RELAYS = 3;
const HOUR_MS = 3_600_000;
/** Without any news for so long the run is given up. */
const STALL_MS = 60_000;
const SHIFT_CLOCK = fileURLToPath(new URL("./shift-clock.ts", import.meta.url));

/**
 * Writers, relays and a consumer in processes of their own, a broker, a database, and things that happen to all of them. At the end all that was
 * committed has reached the broker in order per key and had its effect once; what was rolled back has not.
 */
export async function runOutboxChaos(options: OutboxChaosOptions): Promise<OutboxChaosResult> {
  const started = performance.now();
  const folder = await mkdtemp(join(tmpdir(), "waybill-chaos-outbox-"));
  const place = await startPlace(options.store, folder).catch(async (error) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  const run = new Run(options, place, folder);
  let result = account([], [], []);
  try {
    await run.work();
    result = await run.judge();
  } catch (error) {
    run.problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    await run.end();
    await place.stop();
    await rm(folder, { recursive: true, force: true });
  }
  return {
    ok: run.problems.length === 0,
    store: options.store,
    problems: run.problems,
    ...result,
    faults: run.made,
    troubles: Object.fromEntries(run.troubles),
    maxRelayRssMb: Math.round(run.maxRss / 2 ** 20),
    seconds: Math.round((performance.now() - started) / 100) / 10,
  };
}

class Run {
  readonly problems: string[] = [];
  readonly troubles = new Map<string, number>();
  readonly made: Record<string, number> = {};
  maxRss = 0;
  readonly #options: OutboxChaosOptions;
  readonly #place: Place;
  readonly #database: Database;
  readonly #log: string;
  readonly #reader: LogReader;
  readonly #arrivals: Arrival[] = [];
  readonly #arrived = new Set<string>();
  readonly #random: () => number;
  readonly #members: Member[] = [];
  readonly #relays: Member[] = [];
  readonly #writers: Member[] = [];
  #broker!: Member;
  #consumer!: Member;
  #effects = 0;
  readonly #progress: (line: string) => void;
  readonly #folder: string;

  constructor(options: OutboxChaosOptions, place: Place, folder: string) {
    this.#options = options;
    this.#place = place;
    this.#folder = folder;
    this.#log = join(folder, "broker.log");
    this.#reader = new LogReader(this.#log);
    this.#database = openDatabase(place.address);
    this.#random = seeded(options.seed);
    this.#progress = options.progress ?? (() => undefined);
  }

  async work(): Promise<void> {
    const { events, killEveryMs } = this.#options;
    await this.#prepare();
    await this.#hire();
    const stopKilling = new AbortController();
    const killing = this.#killRelays(killEveryMs, stopKilling.signal);
    try {
      await this.#makeTrouble();
      await this.#until(() => this.#arrived.size >= events && this.#writers.every(({ isDone }) => isDone));
    } finally {
      stopKilling.abort();
      await killing;
    }
    // Rows that were published and not removed yet are published once more by the next relay: the end is an empty outbox.
    await this.#until(async () => (await this.#ask(() => this.#database.store.counts())).waiting === 0);
    await Promise.all(this.#relays.map((relay) => relay.stop()));
    this.#refresh();
    await this.#until(async () => {
      const [row] = await this.#query("SELECT count(DISTINCT id) AS n FROM effect");
      this.#effects = Number(row!.n);
      return this.#effects >= this.#arrived.size;
    });
    await this.#consumer.stop();
    for (const [fault, times] of Object.entries(this.made)) {
      if (times === 0) this.problems.push(`${fault} never came about`);
    }
  }

  async judge(): Promise<Account> {
    const entries = (await this.#query("SELECT id, name, version FROM entry")) as unknown as Entry[];
    const effects = (await this.#query("SELECT id FROM effect")) as unknown as Entry[];
    const result = account(entries, this.#arrivals, effects);
    this.problems.push(...problemsOf(result, this.#options.events));
    return result;
  }

  async end(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.end()));
    await this.#database.store.close().catch(() => undefined);
  }

  async #prepare(): Promise<void> {
    const { store } = this.#database;
    await store.open();
    const keys = this.#keys;
    await store.transaction(async (tx) => {
      for (const table of TABLES) await this.#database.query(tx, table);
      const tuples = Array.from({ length: keys }, (_, i) => `('k${i}', 0)`).join(", ");
      await this.#database.query(tx, `INSERT INTO account (name, version) VALUES ${tuples}`);
    });
  }

  get #keys(): number {
    return Math.max(8, Math.min(500, Math.floor(this.#options.events / 20)));
  }

  async #hire(): Promise<void> {
    const { seed, leaseMs, events, writerProcesses } = this.#options;
    const address = JSON.stringify(this.#place.address);
    const port = await freePort();
    const broker = `http://127.0.0.1:${port}/`;
    this.#broker = this.#member("broker", "broker-process.ts", [`${port}`, this.#log, `${seed}`]);
    for (let i = 0; i < RELAYS; i++) {
      const relay = this.#member(
        `relay ${i}`,
        "relay-process.ts",
        [address, broker, `${leaseMs}`, `${i}`],
        // The last one's wall clock is an hour off: ahead, and behind after its next start.
        i === RELAYS - 1
          ? {
              nodeArgs: ["--import", SHIFT_CLOCK],
              env: (n) => ({ WAYBILL_CHAOS_SHIFT_MS: `${n % 2 === 1 ? HOUR_MS : -HOUR_MS}` }),
            }
          : {},
      );
      this.#relays.push(relay);
    }
    this.#consumer = this.#member("consumer", "consumer-process.ts", [
      address,
      this.#log,
      join(this.#folder, "checkpoint"),
    ]);
    for (let i = 0; i < writerProcesses; i++) {
      const writers = Array.from({ length: WRITERS }, (_, n) => n).filter((n) => n % writerProcesses === i);
      const plan: WriterPlan = {
        address: this.#place.address,
        seed,
        writers,
        quota: Math.floor(events / WRITERS),
        keys: this.#keys,
      };
      const options = { endsItself: true };
      this.#writers.push(this.#member(`writers ${writers}`, "writer-process.ts", [JSON.stringify(plan)], options));
    }
    await Promise.all(this.#members.map(({ ready }) => ready));
    this.#progress(`${this.#options.store}: ${this.#members.length} processes at work`);
  }

  #member(
    name: string,
    script: string,
    args: readonly string[],
    options: Partial<ConstructorParameters<typeof Member>[0]> = {},
  ): Member {
    const onTold = (told: Told) => {
      if (told.rss !== undefined) this.maxRss = Math.max(this.maxRss, told.rss);
      if (told.trouble !== undefined) this.troubles.set(told.trouble, (this.troubles.get(told.trouble) ?? 0) + 1);
      if (told.problem !== undefined) this.problems.push(`${name}: ${told.problem}`);
    };
    const member = new Member({ name, script: `./${script}`, args, onTold, ...options }, (problem) =>
      this.problems.push(problem),
    );
    this.#members.push(member);
    return member;
  }

  /** A random one that is not frozen, so often as asked. */
  async #killRelays(everyMs: number, signal: AbortSignal): Promise<void> {
    this.made.kill = 0;
    while (await sleep(everyMs, true, { signal }).catch(() => false)) {
      const awake = this.#relays.filter(({ isFrozen }) => !isFrozen);
      await awake[Math.floor(this.#random() * awake.length)]?.kill();
      this.made.kill++;
    }
  }

  async #makeTrouble(): Promise<void> {
    const { events, faults } = this.#options;
    const possible = FAULTS.filter((fault) => this.#can(fault));
    for (const fault of possible.slice(0, faults)) this.made[fault] = 0;
    for (let index = 0; index < faults; index++) {
      const fault = possible[index % possible.length]!;
      // Writers stay ahead of this trouble and do not outrun it: what happens, happens to work under way.
      this.#allow(Math.ceil(((index + 2) * events) / faults / WRITERS));
      const at = Math.floor(((index + 0.3 + this.#random() * 0.6) * events * 0.9) / faults);
      await this.#until(() => this.#arrived.size >= at);
      this.#progress(`${index + 1}/${faults}: ${fault} at ${this.#arrived.size} of ${events}`);
      await this.#make(fault);
      this.made[fault]!++;
    }
    this.#allow(Number.MAX_SAFE_INTEGER);
  }

  #can(fault: Fault): boolean {
    if (fault === "connections") return this.#place.killConnections !== undefined;
    if (fault === "restart" || fault === "crash") return this.#place.restart !== undefined;
    return true;
  }

  async #make(fault: Fault): Promise<void> {
    const { leaseMs, brokerDownMs } = this.#options;
    const one = (members: readonly Member[]) => members[Math.floor(this.#random() * members.length)]!;
    switch (fault) {
      case "connections":
        return this.#place.killConnections!();
      case "restart":
        return this.#place.restart!("fast");
      case "crash":
        return this.#place.restart!("crash");
      case "freeze":
        return one(this.#relays).freeze(leaseMs * 1.6);
      case "broker":
        await this.#broker.pause();
        await sleep(brokerDownMs);
        return this.#broker.resume();
      case "consumer":
        return this.#consumer.kill();
      case "writer": {
        const working = this.#writers.filter(({ isDone }) => !isDone);
        if (working.length === 0) return;
        return one(working).dies();
      }
    }
  }

  #allow(eventsEach: number): void {
    for (const writer of this.#writers) writer.order({ allow: eventsEach });
  }

  #refresh(): void {
    for (let lines = this.#reader.next(); lines.length > 0; lines = this.#reader.next()) {
      for (const arrival of lines) {
        this.#arrivals.push(arrival);
        this.#arrived.add(arrival.id);
      }
    }
  }

  #query(sql: string) {
    return this.#ask(() => this.#database.store.transaction((tx) => this.#database.query(tx, sql)));
  }

  /** The first tries may meet connections that were ended. */
  async #ask<T>(question: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await question();
      } catch (error) {
        if (tries === 10) throw error;
        await sleep(200);
      }
    }
  }

  /** Resolves when it is so; rejects when nothing moves any more. */
  async #until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    let before = "";
    let movedAt = performance.now();
    for (let toldAt = performance.now(); ; ) {
      this.#refresh();
      if (await isSo()) return;
      const now = `${this.#arrivals.length} arrivals, ${this.#arrived.size} events, ${this.#effects} effects`;
      if (now !== before) movedAt = performance.now();
      before = now;
      if (performance.now() - movedAt > STALL_MS) throw new Error(`nothing moved for ${STALL_MS / 1_000} s: ${now}`);
      if (performance.now() - toldAt > 5_000) {
        toldAt = performance.now();
        this.#progress(`  ${now}`);
      }
      await sleep(50);
    }
  }
}
