import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { ChaosReport } from "../chaos-case.ts";
import { type Account, account } from "./account.ts";
import type { Member, Post } from "./member.ts";
import { seeded } from "./seeded.ts";
import { Stage, type StageOptions, WRITERS } from "./stage.ts";

export interface OutboxChaosOptions extends StageOptions {
  /** How many troubles beside the kills; they go round through those that the store can have. */
  readonly faults: number;
  /** A random relay is killed so often. */
  readonly killEveryMs: number;
  readonly brokerDownMs: number;
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
const RELAYS = 3;
const HOUR_MS = 3_600_000;
/** Of the lease: how long a frozen relay stands still. */
const FROZEN_LEASES = 1.6;
const SHIFT_CLOCK = fileURLToPath(new URL("./shift-clock.ts", import.meta.url));

/**
 * Writers, relays and a consumer in processes of their own, a broker, a database, and things that happen to all of them. At the end all that was
 * committed has reached the broker in order per key and had its effect once; what was rolled back has not.
 */
export async function runOutboxChaos(options: OutboxChaosOptions): Promise<OutboxChaosResult> {
  const started = performance.now();
  let run: Run | undefined;
  const [stage, result] = await Stage.with(options, async (own) => {
    run = new Run(options, own);
    await run.work();
    return own.judge(true);
  });
  const { problems, troubles } = stage;
  return {
    ok: problems.length === 0,
    store: options.store,
    problems,
    ...(result ?? account([], [], [])),
    faults: run?.made ?? {},
    troubles: Object.fromEntries(troubles),
    maxRelayRssMb: Math.round((run?.maxRss ?? 0) / 2 ** 20),
    seconds: Math.round((performance.now() - started) / 100) / 10,
  };
}

class Run {
  readonly made: Record<string, number> = {};
  maxRss = 0;
  readonly #options: OutboxChaosOptions;
  readonly #stage: Stage;
  readonly #random: () => number;
  readonly #relays: Member[] = [];
  #broker!: Member;
  #consumer!: Member;

  constructor(options: OutboxChaosOptions, stage: Stage) {
    this.#options = options;
    this.#stage = stage;
    this.#random = seeded(options.seed);
  }

  async work(): Promise<void> {
    const stage = this.#stage;
    await this.#hire();
    const stopKilling = new AbortController();
    const killing = this.#killRelays(stopKilling.signal);
    try {
      await this.#makeTrouble();
      await stage.until(
        () => stage.arrived.size >= this.#options.events && stage.writers.every(({ isDone }) => isDone),
      );
    } finally {
      stopKilling.abort();
      await killing;
    }
    await stage.untilDrained();
    await Promise.all(this.#relays.map((relay) => relay.stop()));
    stage.refresh();
    let effects = 0;
    await stage.until(
      async () => {
        const [row] = await stage.query("SELECT count(DISTINCT id) AS n FROM effect");
        effects = Number(row!.n);
        return effects >= stage.arrived.size;
      },
      () => `${effects} effects`,
    );
    await this.#consumer.stop();
    for (const [fault, times] of Object.entries(this.made)) {
      if (times === 0) stage.problems.push(`${fault} never came about`);
    }
  }

  async #hire(): Promise<void> {
    const stage = this.#stage;
    this.#broker = await stage.broker();
    // The last one's wall clock is an hour off: ahead, and behind after its next start.
    const shifted: Partial<Post> = {
      nodeArgs: ["--import", SHIFT_CLOCK],
      env: (n) => ({ WAYBILL_CHAOS_SHIFT_MS: `${n % 2 === 1 ? HOUR_MS : -HOUR_MS}` }),
    };
    for (let i = 0; i < RELAYS; i++) {
      const relay = stage.relay(i, i === RELAYS - 1 ? shifted : {}, ({ rss = 0 }) => {
        this.maxRss = Math.max(this.maxRss, rss);
      });
      this.#relays.push(relay);
    }
    const args = [JSON.stringify(stage.place.address), stage.log, stage.path("checkpoint")];
    this.#consumer = stage.member({ name: "consumer", script: "./consumer-process.ts", args });
    stage.hireWriters();
    await stage.ready();
  }

  /** A random one that is not frozen, so often as asked. */
  async #killRelays(signal: AbortSignal): Promise<void> {
    this.made.kill = 0;
    while (await sleep(this.#options.killEveryMs, true, { signal }).catch(() => false)) {
      const awake = this.#relays.filter(({ isFrozen }) => !isFrozen);
      await awake[Math.floor(this.#random() * awake.length)]?.kill();
      this.made.kill++;
    }
  }

  async #makeTrouble(): Promise<void> {
    const { events, faults } = this.#options;
    const stage = this.#stage;
    const possible = FAULTS.filter((fault) => this.#can(fault));
    for (const fault of possible.slice(0, faults)) this.made[fault] = 0;
    for (let index = 0; index < faults; index++) {
      const fault = possible[index % possible.length]!;
      // Writers stay ahead of this trouble and do not outrun it: what happens, happens to work under way.
      stage.allow(Math.ceil(((index + 2) * events) / faults / WRITERS));
      const at = Math.floor(((index + 0.3 + this.#random() * 0.6) * events * 0.9) / faults);
      await stage.until(() => stage.arrived.size >= at);
      stage.progress(`${index + 1}/${faults}: ${fault} at ${stage.arrived.size} of ${events}`);
      await this.#make(fault);
      this.made[fault]!++;
    }
    stage.allow(Number.MAX_SAFE_INTEGER);
  }

  #can(fault: Fault): boolean {
    const { killConnections, restart } = this.#stage.place;
    if (fault === "connections") return killConnections !== undefined;
    if (fault === "restart" || fault === "crash") return restart !== undefined;
    return true;
  }

  async #make(fault: Fault): Promise<void> {
    const { leaseMs, brokerDownMs } = this.#options;
    const { place, writers } = this.#stage;
    const one = (members: readonly Member[]) => members[Math.floor(this.#random() * members.length)];
    switch (fault) {
      case "connections":
        return place.killConnections!();
      case "restart":
        return place.restart!("fast");
      case "crash":
        return place.restart!("crash");
      case "freeze":
        return one(this.#relays)?.freeze(leaseMs * FROZEN_LEASES);
      case "broker":
        await this.#broker.pause();
        await sleep(brokerDownMs);
        return this.#broker.resume();
      case "consumer":
        return this.#consumer.kill();
      case "writer":
        return one(writers.filter(({ isDone }) => !isDone))?.dies();
    }
  }
}
