import { createHash } from "node:crypto";
import type { Publisher, RawCloudEvent } from "@waybill/core";
import { createOutbox, createRelay, type Relay, type Store } from "@waybill/outbox";

/** What the adversary needs of a database beside its store. */
export interface AdversaryPlace<Tx> {
  /** Another store on the same tables, as another process would open it. */
  open(): Store<Tx>;
  /** Adds one to the version of an aggregate and answers it; keeps the aggregate locked until the transaction ends. */
  bump(tx: Tx, key: string): Promise<number>;
  /** Takes what decides the order of ids without writing anything yet: a transaction id. */
  takeIdEarly?(tx: Tx): Promise<void>;
  /** Opens a transaction that does nothing, and is ended by the answered function. */
  holdIdle(): Promise<() => Promise<void>>;
}

export interface AdversaryOptions<Tx> {
  readonly place: AdversaryPlace<Tx>;
  readonly transactions: number;
  readonly writers: number;
  readonly relays: number;
  readonly keys: number;
  readonly seed: number;
  /** An idle transaction is open while the middle third is written. */
  readonly holdIdle: boolean;
  /** Each publishing takes up to so long. */
  readonly maxPublishMs: number;
  /** One transaction takes its position first and commits after all others are relayed. */
  readonly lateOne?: boolean;
  /** Called with the number of transactions begun so far: for trouble in between. */
  readonly onProgress?: (begun: number) => void;
}

export interface AdversaryReport {
  readonly committed: number;
  readonly rolledBack: number;
  readonly lost: number;
  /** Events whose first arrival came after that of a later version of their key. */
  readonly inverted: number;
  /** Arrivals of events that were never committed. */
  readonly neverCommitted: number;
  readonly duplicates: number;
  /** From the commit to the first arrival. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Committed while the idle transaction was open, and arrived while it was. */
  readonly passedIdle: number;
  /** Whether all others had arrived before the late one was committed. */
  readonly othersBeforeLate: boolean;
  readonly troubles: number;
}

/**
 * Writers that make an outbox lose, repeat and swap events where it can: they take transaction ids early, sleep at any point, wait for
 * each other's locks, roll back. Relays read meanwhile. The events carry the version of their aggregate, so that what arrives can be checked.
 */
export async function adversary<Tx>(options: AdversaryOptions<Tx>): Promise<AdversaryReport> {
  const { place, writers, relays, transactions } = options;
  const random = randomFrom(options.seed);
  const arrivals = new Arrivals(options.maxPublishMs, random);
  const stores = Array.from({ length: relays + 1 }, () => place.open());
  const [store] = stores as [Store<Tx>];
  const outbox = createOutbox({ store, source: "/adversary" });
  let troubles = 0;
  const running: Relay[] = [];
  const committed = new Map<string, { key: string; version: number; atMs: number }>();
  let begun = 0;
  let rolledBack = 0;
  let idleOpen = false;
  const duringIdle: string[] = [];

  const one = async (id: string, rollBack: boolean) => {
    let wrote: { key: string; version: number } | undefined;
    const key = `k${Math.floor(random() * options.keys)}`;
    const early = random() < 0.5;
    const pauses = [random() < 0.3, random() < 0.3];
    const finished = outbox.transaction(async (tx) => {
      if (early) await place.takeIdEarly?.(tx);
      if (pauses[0]) await pause(random() * 6);
      const version = await place.bump(tx, key);
      await outbox.publishRaw(tx, "adversary", eventOf(id, key, version));
      if (pauses[1]) await pause(random() * 6);
      if (rollBack) throw ROLL_BACK;
      wrote = { key, version };
    });
    try {
      await finished;
      committed.set(id, { ...wrote!, atMs: performance.now() });
      if (idleOpen) duringIdle.push(id);
    } catch (error) {
      if (error !== ROLL_BACK) throw error;
      rolledBack++;
    }
  };

  try {
    await store.open();
    for (const own of stores.slice(1)) {
      const relay = createRelay({
        store: own as Store,
        publisher: arrivals,
        leaseMs: 2_000,
        batch: 100,
        observer: { trouble: () => troubles++ },
      });
      running.push(relay);
      await relay.start();
    }
    let release: (() => void) | undefined;
    let late: Promise<void> | undefined;
    if (options.lateOne) {
      const others = new Promise<void>((resolve) => {
        release = resolve;
      });
      let written!: () => void;
      const hasWritten = new Promise<void>((resolve) => {
        written = resolve;
      });
      late = outbox.transaction(async (tx) => {
        await place.takeIdEarly?.(tx);
        const version = await place.bump(tx, "late");
        await outbox.publishRaw(tx, "adversary", eventOf("late", "late", version));
        written();
        await others;
      });
      await hasWritten;
    }
    let endIdle: (() => Promise<void>) | undefined;
    const writer = async () => {
      while (begun < transactions) {
        const n = begun++;
        options.onProgress?.(n);
        if (options.holdIdle && n === Math.floor(transactions / 3)) {
          endIdle = await place.holdIdle();
          idleOpen = true;
        }
        await one(`e${n}`, random() < 0.05);
      }
    };
    await Promise.all(Array.from({ length: writers }, writer));
    // While the idle transaction is still open: nothing waits for it.
    await arrivals.all(committed.keys());
    const passedIdle = duringIdle.filter((id) => arrivals.firstMs.has(id)).length;
    idleOpen = false;
    await endIdle?.();
    const othersBeforeLate = !arrivals.firstMs.has("late");
    if (late !== undefined) {
      release!();
      await late;
      committed.set("late", { key: "late", version: 1, atMs: performance.now() });
      await arrivals.all(["late"]);
    }
    return { ...arrivals.judge(committed), rolledBack, passedIdle, othersBeforeLate, troubles };
  } finally {
    await Promise.all(running.map((relay) => relay.close()));
    await Promise.all(stores.map((own) => own.close()));
  }
}

const ROLL_BACK = new Error("rolled back on purpose");
/** How long after the last arrival an event that has not come counts as lost. */
const PATIENCE_MS = 20_000;

class Arrivals implements Publisher {
  readonly stopsKeys = () => true;
  readonly firstMs = new Map<string, number>();
  readonly #order: { id: string; key: string; version: number }[] = [];
  readonly #maxPublishMs: number;
  readonly #random: () => number;
  #repeated = 0;
  #lastMs = performance.now();

  constructor(maxPublishMs: number, random: () => number) {
    this.#maxPublishMs = maxPublishMs;
    this.#random = random;
  }

  async publishRaw(_topic: string, events: readonly RawCloudEvent[]) {
    if (this.#maxPublishMs > 0) await pause(this.#random() * this.#maxPublishMs);
    for (const { id, data } of events) {
      const { key, version } = data as { key: string; version: number };
      this.#lastMs = performance.now();
      if (this.firstMs.has(id)) {
        this.#repeated++;
        continue;
      }
      this.firstMs.set(id, this.#lastMs);
      this.#order.push({ id, key, version });
    }
    return events.map(() => ({ ok: true as const, value: undefined }));
  }

  /** Resolves when all have arrived, or none has for so long that the rest is lost. */
  async all(ids: Iterable<string>): Promise<void> {
    const wanted = [...ids];
    this.#lastMs = performance.now();
    while (!wanted.every((id) => this.firstMs.has(id)) && performance.now() - this.#lastMs < PATIENCE_MS) {
      await pause(10);
    }
  }

  judge(committed: ReadonlyMap<string, { key: string; version: number; atMs: number }>) {
    const highest = new Map<string, number>();
    let inverted = 0;
    let neverCommitted = 0;
    for (const { id, key, version } of this.#order) {
      if (!committed.has(id)) neverCommitted++;
      if (version < (highest.get(key) ?? 0)) inverted++;
      else highest.set(key, version);
    }
    const delays = [...committed]
      .filter(([id]) => this.firstMs.has(id))
      .map(([id, { atMs }]) => this.firstMs.get(id)! - atMs)
      .sort((a, b) => a - b);
    return {
      committed: committed.size,
      lost: committed.size - delays.length,
      inverted,
      neverCommitted,
      duplicates: this.#repeated,
      p50Ms: delays[Math.floor(delays.length * 0.5)] ?? Number.NaN,
      p99Ms: delays[Math.floor(delays.length * 0.99)] ?? Number.NaN,
    };
  }
}

function eventOf(id: string, key: string, version: number): RawCloudEvent {
  return {
    specversion: "1.0",
    id,
    source: "/adversary",
    type: "bumped",
    time: new Date().toISOString(),
    partitionkey: key,
    datacontenttype: "application/json",
    data: { key, version },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Numbers from 0 to 1 that a seed repeats. */
function randomFrom(seed: number): () => number {
  let n = 0;
  return () => createHash("sha1").update(`${seed}/${n++}`).digest().readUInt32LE(0) / 2 ** 32;
}
