import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Bus, createBus, defineEvent, defineTopic, type Subscription } from "@waybill/core";
import { ManualClock } from "@waybill/core/testing";
import { createFaults, createMemoryBroker, type Faults, type Like, type MemoryAdapter, memory } from "@waybill/memory";
import { createInbox, createOutbox, createRelay, type Relay } from "@waybill/outbox";
import { sqlite } from "@waybill/outbox/sqlite";
import type { ChaosOptions, ChaosReport } from "./chaos-case.ts";

/** One event of the simulation: which of its key, counted from 1. */
interface Step {
  readonly key: string;
  readonly n: number;
}

const stepTaken = defineEvent<"com.example.step", Step, Step>("com.example.step", {
  "~standard": { version: 1, vendor: "waybill", validate: (value) => ({ value: value as Step }) },
});
const steps = defineTopic("steps", [stepTaken]);

const LIKES: readonly Like[] = [
  "memory",
  "kafka",
  "event-hubs",
  "service-bus",
  "service-bus-sessions",
  "storage-queue",
  "event-grid",
];
const KEYS = 5;
const WRITES = 40;
/** How long things go wrong, and how long they may take to come right afterwards, in virtual milliseconds. */
const TROUBLE_MS = 60_000;
const PATIENCE_MS = 6 * 3_600_000;

export interface SimulationResult {
  readonly seed: number;
  readonly like: Like;
  readonly problems: readonly string[];
  readonly committed: number;
  readonly deadLettered: number;
  readonly duplicates: number;
  /** Of everything that happened, in order: equal for equal seeds. */
  readonly trace: string;
}

/** One seed: writers, two relays and two consumers over a broker where everything goes wrong, then calm, then the account. */
export async function simulate(seed: number): Promise<SimulationResult> {
  const folder = mkdtempSync(join(tmpdir(), "waybill-simulation-"));
  const world = new World(seed, join(folder, "world.db"));
  try {
    return await world.run();
  } finally {
    await world.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

class World {
  readonly #seed: number;
  readonly #path: string;
  readonly #random: () => number;
  readonly #clock = new ManualClock();
  readonly #like: Like;
  readonly #broker;
  readonly #faults: Faults;
  readonly #store;
  readonly #outbox;
  readonly #inbox;
  #trouble = true;
  #fixed = false;
  readonly #poison = new Set<string>();
  readonly #committed = new Map<string, Step>();
  /** Known to have had their effect: told by the observers after the commit. */
  readonly #done = new Set<string>();
  readonly #given = new Set<string>();
  readonly #relays: Relay[] = [];
  readonly #consumers: { adapter: MemoryAdapter; bus: Bus; subscription: Subscription }[] = [];
  readonly #trace = createHash("sha256");
  readonly #background = new Set<Promise<unknown>>();
  #duplicates = 0;
  #started = 0;
  #ordered = false;

  constructor(seed: number, path: string) {
    this.#seed = seed;
    this.#path = path;
    this.#random = seededRandom(seed);
    this.#like = LIKES[seed % LIKES.length]!;
    this.#broker = createMemoryBroker({ clock: this.#clock });
    const often = () => this.#random() * 0.06;
    const faults = createFaults({
      seed,
      duplicate: often(),
      reorderLanes: often(),
      loseLease: often() / 2,
      throttle: often(),
      revokeLane: often() / 2,
      failSend: often(),
      failSettle: often(),
      sendTimeoutAfterWrite: often(),
      failReceive: often(),
      crashBeforeAck: often() / 4,
    });
    this.#faults = { strikes: (name) => this.#trouble && faults.strikes(name), pick: (below) => faults.pick(below) };
    this.#store = sqlite({ path, clock: this.#clock });
    this.#outbox = createOutbox({ store: this.#store, source: "/simulation" });
    this.#inbox = createInbox({ store: this.#store });
  }

  async run(): Promise<SimulationResult> {
    await this.#store.transaction((tx) => {
      tx.exec("CREATE TABLE effects (at INTEGER PRIMARY KEY, id TEXT, key TEXT, n INTEGER) STRICT");
    });
    const publisher = this.#bus(this.#adapter());
    for (let i = 0; i < 2; i++) this.#background.add(this.#relay(publisher));
    for (let i = 0; i < 2; i++) this.#background.add(this.#consumer());
    this.#background.add(this.#write());
    this.#background.add(this.#disturb(publisher));
    await this.#clock.advance(TROUBLE_MS);
    this.#trouble = false;
    const problems: string[] = [];
    const settled = () =>
      this.#committed.size >= WRITES / 2 &&
      [...this.#committed.keys()].every((id) => this.#given.has(id) || this.#done.has(id));
    await this.#until(settled, "every event is processed or dead-lettered", problems);
    // The bug is fixed, and what was given up is put back to work.
    const given = this.#given.size;
    this.#fixed = true;
    const letters = publisher.deadLetters(steps, "billing");
    // Event Grid reaches no subscription alone; there is only one here, and its inbox would absorb the rest.
    const redriving = letters.redrive(this.#like === "event-grid" ? { to: "steps" } : {});
    let redriven = false;
    redriving.then(
      () => {
        redriven = true;
      },
      (error) => problems.push(`redrive: ${error}`),
    );
    const everything = () =>
      (redriven || problems.length > 0) && [...this.#committed.keys()].every((id) => this.#done.has(id));
    await this.#until(everything, "every event is processed after the redrive", problems);
    await letters.close();
    this.#account(problems);
    return {
      seed: this.#seed,
      like: this.#like,
      problems,
      committed: this.#committed.size,
      deadLettered: given,
      duplicates: this.#duplicates,
      trace: this.#trace.digest("hex"),
    };
  }

  async close(): Promise<void> {
    let closed = false;
    const closing = Promise.allSettled([
      ...this.#relays.map((relay) => relay.close()),
      ...this.#consumers.map(({ bus }) => bus.close()),
    ]).then(() => this.#store.close());
    closing.finally(() => {
      closed = true;
    });
    await this.#clock.runUntil(() => closed, { maxMs: PATIENCE_MS });
  }

  async #until(holds: () => boolean, what: string, problems: string[]): Promise<void> {
    try {
      await this.#clock.runUntil(holds, { maxMs: PATIENCE_MS });
    } catch {
      const missing = [...this.#committed.keys()].filter((id) => !this.#done.has(id) && !this.#given.has(id));
      problems.push(
        `did not come about: ${what}; missing ${missing.slice(0, 5).join(", ")} (${missing.length} of ${this.#committed.size})`,
      );
    }
  }

  #account(problems: string[]): void {
    const times = new Map<string, number>();
    const reached = new Map<string, number>();
    for (const { id, key, n } of this.#effects()) {
      times.set(id, (times.get(id) ?? 0) + 1);
      if (!this.#committed.has(id)) problems.push(`${id} was rolled back and had an effect`);
      if (this.#given.has(id)) continue;
      if (this.#ordered && n < (reached.get(key) ?? 0))
        problems.push(`${id}: step ${n} of ${key} after step ${reached.get(key)}`);
      reached.set(key, Math.max(n, reached.get(key) ?? 0));
    }
    for (const id of this.#committed.keys()) {
      if (times.get(id) !== 1) problems.push(`${id} had ${times.get(id) ?? 0} effects`);
    }
  }

  /** On a connection of its own: a handler that came late may hold the store's, and time stands still here. */
  #effects(): { id: string; key: string; n: number }[] {
    const reader = new DatabaseSync(this.#path, { readOnly: true });
    try {
      return reader.prepare("SELECT id, key, n FROM effects ORDER BY at").all() as never;
    } finally {
      reader.close();
    }
  }

  #adapter(): MemoryAdapter {
    return memory({
      like: this.#like,
      broker: this.#broker,
      faults: this.#faults,
      subscriptions: { steps: ["billing"] },
    });
  }

  #bus(adapter: MemoryAdapter): Bus {
    const bus = createBus({
      source: "/simulation",
      adapter,
      clock: this.#clock,
      random: this.#random,
      observers: [
        {
          processed: ({ id }) => {
            this.#done.add(id);
            this.#note(`processed ${id}`);
          },
          deadLettered: ({ id }) => {
            this.#given.add(id);
            this.#note(`dead ${id}`);
          },
          duplicate: ({ id }) => {
            this.#duplicates++;
            this.#done.add(id);
            this.#note(`duplicate ${id}`);
          },
          retrying: ({ id, attempt }) => this.#note(`retry ${id} ${attempt}`),
        },
      ],
    });
    return bus;
  }

  async #relay(publisher: Bus): Promise<void> {
    const relay = createRelay({
      store: this.#store,
      publisher,
      clock: this.#clock,
      batch: 8,
      leaseMs: 3_000,
      owner: `relay-${this.#started++}`,
    });
    this.#relays.push(relay);
    await relay.start();
  }

  async #consumer(): Promise<void> {
    const adapter = this.#adapter();
    const bus = this.#bus(adapter);
    for (;;) {
      try {
        const subscription = await bus.subscribe(
          steps,
          {
            name: "billing",
            concurrency: 4,
            inbox: this.#inbox,
            retry: { attempts: 4, initialMs: 100, maxMs: 20_000 },
            handlerTimeoutMs: 30_000,
          },
          async (event, ctx) => {
            await this.#pause(this.#random() < 0.02 ? 20_000 : this.#random() * 200);
            if (this.#trouble && this.#random() < 0.08) throw new Error("the handler stumbled");
            if (this.#poison.has(event.id) && !this.#fixed) throw new Error("the handler has a bug");
            ctx.signal.throwIfAborted();
            const { key, n } = event.data;
            ctx.tx.prepare("INSERT INTO effects (id, key, n) VALUES (?, ?, ?)").run(event.id, key, n);
          },
        );
        this.#ordered = subscription.guarantee.order === "per-key";
        this.#consumers.push({ adapter, bus, subscription });
        return;
      } catch {
        await this.#pause(500);
      }
    }
  }

  /** Business transactions: some roll back, some write two events. */
  async #write(): Promise<void> {
    const counts = new Map<string, number>();
    for (let i = 0; i < WRITES; i++) {
      await this.#pause(this.#random() * 800);
      const written: [string, Step][] = [];
      try {
        await this.#outbox.transaction(async (tx) => {
          for (let two = 0; two <= (this.#random() < 0.2 ? 1 : 0); two++) {
            const key = `k${Math.floor(this.#random() * KEYS)}`;
            const n = (counts.get(key) ?? 0) + 1;
            counts.set(key, n);
            const id = `e${i}-${two}`;
            written.push([id, { key, n }]);
            if (this.#random() < 0.05) this.#poison.add(id);
            await this.#outbox.publish(tx, steps, stepTaken({ key, n }, { key, id, time: "2026-01-01T00:00:00Z" }));
          }
          if (this.#random() < 0.1) throw new Error("rolled back");
        });
        for (const [id, step] of written) this.#committed.set(id, step);
      } catch {
        for (const [, { key }] of written) counts.set(key, counts.get(key)!);
      }
    }
  }

  /** Crashes, drains and restarts, as long as there is trouble. */
  async #disturb(publisher: Bus): Promise<void> {
    while (this.#trouble) {
      await this.#pause(2_000 + this.#random() * 6_000);
      const what = Math.floor(this.#random() * 5);
      this.#note(`disturb ${what}`);
      if (what === 0) {
        const relay = this.#relays.shift();
        if (relay !== undefined) await relay.close();
        await this.#relay(publisher);
      } else if (what === 1) {
        const dead = this.#consumers.shift();
        dead?.adapter.crash();
        if (dead !== undefined) void dead.bus.close();
        this.#background.add(this.#consumer());
      } else if (what === 2) {
        const leaving = this.#consumers.shift();
        if (leaving !== undefined) void leaving.bus.drain({ deadlineMs: 5_000 }).then(() => leaving.bus.close());
        this.#background.add(this.#consumer());
      } else if (what === 3) this.#broker.revokeLanes("billing");
      else {
        this.#broker.deadLetterDown(true);
        await this.#pause(5_000);
        this.#broker.deadLetterDown(false);
      }
    }
  }

  #note(line: string): void {
    this.#trace.update(`${this.#clock.now()} ${line}\n`);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(ms, resolve));
  }
}

/** mulberry32: 32 bits of state are plenty for a few thousand draws. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** `events` is the number of seeds, from `seed` on. */
export async function run({ events: seeds, seed: first, progress }: ChaosOptions): Promise<ChaosReport> {
  const failing: SimulationResult[] = [];
  const totals = { committed: 0, deadLettered: 0, duplicates: 0 };
  for (let seed = first; seed < first + seeds; seed++) {
    const result = await simulate(seed);
    totals.committed += result.committed;
    totals.deadLettered += result.deadLettered;
    totals.duplicates += result.duplicates;
    if (result.problems.length > 0) {
      failing.push(result);
      progress(`seed ${seed} (${result.like}) fails: ${result.problems.join("; ")}`);
      progress(`replay it: npx pnpm@12 chaos simulation --seed ${seed} --events 1`);
    }
    if ((seed - first + 1) % 100 === 0) progress(`${seed - first + 1} of ${seeds} seeds, ${failing.length} failing`);
  }
  return { ok: failing.length === 0, seeds, ...totals, failing };
}
