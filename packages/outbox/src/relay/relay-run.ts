import type { Publisher, RetryOptions } from "@waybill/core";
import { isWaybillError } from "@waybill/core";
import { type Clock, type Outcome, redacted, retryDelayMs, sleep } from "@waybill/core/spi";
import { readEventText } from "../event-text.ts";
import type { Failure, Feed, OutboxRow, Store } from "../store.ts";
import { Bell } from "./bell.ts";
import { Marks } from "./marks.ts";
import type { RelayStatus } from "./relay.ts";
import { type RelayObserver, safeObserver } from "./relay-observer.ts";
import { Rests } from "./rests.ts";
import { Tenure } from "./tenure.ts";
import { isUnreachable } from "./unreachable.ts";
import { Window } from "./window.ts";

export interface RelaySettings {
  readonly store: Pick<Store, "feed">;
  readonly publisher: Publisher;
  readonly owner: string;
  readonly batch: number;
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly markMs: number;
  readonly maxRestMs: number;
  readonly retry: Required<Omit<RetryOptions, "inPlaceMs">>;
  readonly isPermanent: (error: unknown) => boolean;
  readonly haltKey: boolean;
  readonly pace: (() => boolean | Promise<boolean>) | undefined;
  readonly keepSentMs: number;
  readonly clock: Clock;
  readonly observer: RelayObserver | undefined;
}

/** Event text in memory, whatever the number of rows. */
const MAX_BYTES = 32 * 1024 * 1024;
/** The safety net: so often every row is looked at again. */
const SWEEP_MS = 30_000;
/** How long a pace that said no is left alone. */
const PACE_MS = 100;

/**
 * The relay at work. One loop reads rows and moves failed ones, never both at once; publishing and removing run beside it and ring the
 * bell. A row's life: claimed → waiting or ready → taken by a call → published and removed | parked | dead | back where it was (rest, lost lease).
 */
export class RelayRun {
  readonly #settings: RelaySettings;
  readonly #tell: ReturnType<typeof safeObserver>;
  readonly #bell = new Bell();
  readonly #window = new Window();
  readonly #rests: Rests;
  /** Positions in memory or published and not yet removed. */
  readonly #held = new Set<number>();
  /** Removed; leave `held` only between two claims, since one under way may still see them. */
  #removed: number[] = [];
  #failures: Exclude<Failure, { kind: "behind" }>[] = [];
  readonly #calls = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  #inFlight = 0;
  #published = 0;
  #mustRewind = true;
  #state: "idle" | "running" | "stopping" | "closed" = "idle";
  #feed: Feed | undefined;
  #tenure: Tenure | undefined;
  #marks: Marks | undefined;
  #started: Promise<void> | undefined;
  #loop: Promise<void> | undefined;
  #stopped: Promise<number> | undefined;

  constructor(settings: RelaySettings) {
    this.#settings = settings;
    this.#tell = safeObserver(settings.observer);
    this.#rests = new Rests(settings.clock, settings.maxRestMs, () => {
      this.#mustRewind = true;
      this.#bell.ring();
    });
  }

  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  status(): RelayStatus {
    const held = this.#tenure?.held === true;
    const running = held ? "active" : "standby";
    return {
      owner: this.#settings.owner,
      state: this.#state === "closed" ? "closed" : this.#state === "idle" ? "idle" : running,
      inFlight: this.#inFlight,
      held: this.#window.size,
      published: this.#published,
      resting: this.#rests.list(),
    };
  }

  /** Answers how many events were still in flight when the deadline was over. Whoever asks first decides the deadline. */
  stop(deadlineMs: number): Promise<number> {
    this.#stopped ??= this.#stop(deadlineMs);
    return this.#stopped;
  }

  async #start(): Promise<void> {
    const { store, owner, leaseMs, clock, pollMs, keepSentMs, markMs } = this.#settings;
    const feed = await store.feed({ owner, leaseMs, clock, pollMs, keepSentMs });
    if (this.#stopped !== undefined) return feed.release(true);
    const onTrouble = (error: unknown) => this.#tell("trouble", { error });
    this.#feed = feed;
    this.#marks = new Marks({
      mark: (rows) => feed.mark(rows),
      clock,
      groupMs: markMs,
      onTrouble,
      onMarked: (rows) => {
        for (const { position } of rows) this.#removed.push(position);
        this.#bell.ring();
      },
    });
    this.#tenure = new Tenure({
      lease: () => feed.lease(),
      leaseMs,
      clock,
      onTrouble,
      onChange: (held) => {
        this.#mustRewind = true;
        this.#tell("lease", { owner, held });
        this.#bell.ring();
      },
    });
    this.#state = "running";
    this.#tenure.start();
    this.#loop = this.#work(feed, this.#tenure, this.#marks);
  }

  async #work(feed: Feed, tenure: Tenure, marks: Marks): Promise<void> {
    const { clock, batch } = this.#settings;
    const limit = batch * 4;
    let troubles = 0;
    let sweptMs = clock.monotonic();
    while (this.#state === "running") {
      try {
        if (!tenure.held) {
          this.#giveUpMemory();
          await this.#bell.rest((signal) => sleep(clock, 1_000, signal));
          continue;
        }
        await this.#settle(feed, tenure);
        if (this.#window.size >= limit || this.#window.bytes >= MAX_BYTES || marks.size >= limit * 8) {
          await this.#bell.rest((signal) => sleep(clock, 1_000, signal));
          continue;
        }
        if (this.#settings.pace !== undefined && !(await this.#settings.pace())) {
          await sleep(clock, PACE_MS, this.#abort.signal);
          continue;
        }
        if (clock.monotonic() - sweptMs > SWEEP_MS) {
          sweptMs = clock.monotonic();
          this.#mustRewind = true;
          await feed.tidy();
        }
        const claimed = await this.#claim(feed, limit - this.#window.size);
        troubles = 0;
        if (claimed === 0) await this.#bell.rest((signal) => feed.wait(signal));
      } catch (error) {
        if (isWaybillError(error, "WB_RELAY_LEASE_LOST")) {
          tenure.lost();
          continue;
        }
        this.#tell("trouble", { error });
        await sleep(clock, Math.min(5_000, 50 * 2 ** troubles++), this.#abort.signal);
      }
    }
  }

  /** Reads rows and starts publishing them. Answers how many there were. */
  async #claim(feed: Feed, max: number): Promise<number> {
    for (const position of this.#removed) this.#held.delete(position);
    this.#removed = [];
    if (this.#mustRewind) feed.rewind();
    this.#mustRewind = false;
    const rows = await feed.claim({
      max,
      maxBytes: MAX_BYTES - this.#window.bytes,
      skip: this.#held,
      exceptTopics: this.#rests.resting,
    });
    const behind: Failure[] = [];
    for (const row of rows) {
      // Its topic began to rest while the claim was under way: it stays where it is until the rewind at the end of the rest.
      if (this.#rests.resting.has(row.topic)) continue;
      if (row.behind) {
        behind.push({ kind: "behind", row });
      } else {
        this.#held.add(row.position);
        this.#window.add(row);
      }
    }
    this.#pump();
    if (behind.length > 0) await feed.settle(behind);
    return rows.length;
  }

  #pump(): void {
    while (this.#calls.size < this.#settings.concurrency && this.#tenure?.held && this.#state === "running") {
      const rows = this.#window.take(this.#settings.batch);
      if (rows.length === 0) return;
      const call = this.#publish(rows);
      this.#calls.add(call);
      void call.finally(() => {
        this.#calls.delete(call);
        this.#pump();
        this.#bell.ring();
      });
    }
  }

  async #publish(rows: readonly OutboxRow[]): Promise<void> {
    const topic = rows[0]!.topic;
    this.#inFlight += rows.length;
    try {
      const events = rows.map((row) => readEventText(row.event));
      const outcomes = await this.#settings.publisher.publishRaw(topic, events, { signal: this.#abort.signal });
      this.#answered(topic, rows, outcomes);
    } catch (error) {
      // Not a word about any one event: the publisher is closed, or does not know the topic.
      for (const row of rows) this.#drop(this.#window.dropKey(row));
      this.#rest(topic, error);
    } finally {
      this.#inFlight -= rows.length;
    }
  }

  #answered(topic: string, rows: readonly OutboxRow[], outcomes: readonly Outcome[]): void {
    const refused: { row: OutboxRow; error: unknown }[] = [];
    rows.forEach((row, i) => {
      const outcome = outcomes[i];
      if (outcome?.ok) {
        this.#window.finish(row);
        this.#marks!.add(row);
      } else {
        refused.push({ row, error: outcome?.error ?? new Error("The publisher gave no outcome for it.") });
      }
    });
    const count = rows.length - refused.length;
    if (count > 0) {
      this.#published += count;
      this.#tell("published", { topic, count });
      this.#rests.over(topic);
    }
    // Who was frozen past its lease leaves its failures to the relay that has it now.
    if (!this.#tenure?.held || this.#abort.signal.aborted) {
      for (const { row } of refused) this.#drop(this.#window.dropKey(row));
      this.#mustRewind = true;
      return;
    }
    const ownFault =
      count > 0 ||
      // A whole call refused says nothing of its events, unless each has failed before.
      (!refused.some(({ error }) => isUnreachable(error)) &&
        (rows.every((row) => row.attempts > 0) || (rows.length === 1 && this.#rests.blames(topic, rows[0]!.position))));
    let outage: { error: unknown } | undefined;
    for (const { row, error } of refused) {
      if (this.#settings.isPermanent(error)) this.#bury(row, row.attempts + 1, "refused", error);
      else if (ownFault) this.#failed(row, error);
      else {
        outage ??= { error };
        this.#drop(this.#window.dropKey(row));
      }
    }
    if (outage !== undefined) this.#rest(topic, outage.error);
  }

  #failed(row: OutboxRow, error: unknown): void {
    const { retry, clock } = this.#settings;
    const attempts = row.attempts + 1;
    if (attempts >= retry.attempts) {
      this.#bury(row, attempts, "publish-failed", error);
      return;
    }
    const delayMs = retryDelayMs({ ...retry, inPlaceMs: 0 }, attempts, Math.random);
    this.#failures.push({ kind: "retry", row, attempts, nextAtMs: clock.now() + delayMs, error: redacted(error) });
    this.#tell("retrying", { row, attempts, delayMs, error });
  }

  #bury(row: OutboxRow, attempts: number, reason: string, error: unknown): void {
    const haltsKey = this.#settings.haltKey;
    this.#failures.push({ kind: "dead", row, attempts, reason, error: redacted(error), haltsKey });
    this.#tell("dead", { row, attempts, reason, error });
  }

  #rest(topic: string, error: unknown): void {
    this.#drop(this.#window.dropIdle(topic));
    const delayMs = this.#rests.begin(topic, error);
    if (delayMs !== undefined) this.#tell("resting", { topic, delayMs, error });
  }

  /** Moves failed rows in one transaction, and with those that hold up their key the rows that wait behind them. */
  async #settle(feed: Feed, tenure: Tenure): Promise<void> {
    const failures = this.#failures;
    if (failures.length === 0) return;
    // Calls that are answered meanwhile begin a new list.
    this.#failures = [];
    const holdsUp = (failure: (typeof failures)[number]) => failure.kind === "retry" || failure.haltsKey;
    const all: Failure[] = [];
    for (const failure of failures) {
      all.push(failure);
      if (!holdsUp(failure)) continue;
      for (const row of this.#window.behind(failure.row)) if (!row.parked) all.push({ kind: "behind", row });
    }
    try {
      await feed.settle(all);
    } catch (error) {
      this.#failures = failures.concat(this.#failures);
      if (isWaybillError(error, "WB_RELAY_LEASE_LOST")) {
        this.#giveUpMemory();
        tenure.lost();
      }
      throw error;
    }
    for (const failure of failures) {
      if (holdsUp(failure)) this.#drop(this.#window.dropKey(failure.row));
      else {
        this.#window.finish(failure.row);
        this.#drop([failure.row.position]);
      }
    }
    this.#pump();
  }

  /** Forgets what is not in flight: another relay may have it now. */
  #giveUpMemory(): void {
    for (const { row } of this.#failures) this.#drop(this.#window.dropKey(row));
    this.#failures = [];
    this.#drop(this.#window.dropIdle());
    // The lease may be back before anyone was told that it was gone.
    this.#mustRewind = true;
  }

  #drop(positions: readonly number[]): void {
    for (const position of positions) this.#held.delete(position);
  }

  async #stop(deadlineMs: number): Promise<number> {
    await this.#started?.catch(() => undefined);
    if (this.#state === "idle") {
      this.#state = "closed";
      return 0;
    }
    const { clock } = this.#settings;
    this.#state = "stopping";
    this.#bell.ring();
    const late = new AbortController();
    const deadline = clock.after(deadlineMs, () => late.abort());
    await Promise.race([
      this.#finish(),
      new Promise<void>((resolve) => late.signal.addEventListener("abort", () => resolve())),
    ]);
    deadline.clear();
    const inFlight = this.#inFlight;
    this.#abort.abort();
    this.#rests.stop();
    await this.#loop;
    await this.#tenure!.stop();
    await this.#marks!.stop();
    await this.#feed!.release(inFlight === 0);
    this.#state = "closed";
    return inFlight;
  }

  /** The calls in flight, and what came of them. */
  async #finish(): Promise<void> {
    await this.#loop;
    await Promise.all(this.#calls);
    await this.#settle(this.#feed!, this.#tenure!).catch((error) => this.#tell("trouble", { error }));
  }
}
