import { isWaybillError } from "@waybill/core";
import { sleep } from "@waybill/core/spi";
import { atMost } from "../at-most.ts";
import type { Failure, Feed, OutboxRow } from "../store.ts";
import { Bell } from "./bell.ts";
import { Held } from "./held.ts";
import { Marks } from "./marks.ts";
import { type OwnFailure, Publishing } from "./publishing.ts";
import { safeObserver } from "./relay-observer.ts";
import type { RelaySettings } from "./relay-settings.ts";
import type { RelayStatus } from "./relay-status.ts";
import { Rests } from "./rests.ts";
import { Tenure } from "./tenure.ts";
import { Window } from "./window.ts";

/** Event text in memory, whatever the number of rows. */
const MAX_BYTES = 32 * 1024 * 1024;
/** The safety net: so often every row is looked at again. */
const SWEEP_MS = 30_000;
/** How long a pace that said no is left alone. */
const PACE_MS = 100;
/** At the end the store is given so long to take what is left: one that does not answer keeps nobody from stopping. */
const LAST_WORDS_MS = 2_000;

/**
 * The relay at work. One loop reads rows and moves failed ones, never both at once; publishing and removing run beside it and ring the
 * bell. A row's life: claimed → waiting or ready → taken by a call → published and removed | parked | dead | back where it was (rest, lost lease).
 */
export class RelayRun {
  readonly #settings: RelaySettings;
  readonly #tell: ReturnType<typeof safeObserver>;
  readonly #bell = new Bell();
  readonly #window = new Window();
  readonly #held = new Held();
  readonly #rests: Rests;
  readonly #publishing: Publishing;
  readonly #stopping = new AbortController();
  #mustRewind = true;
  #state: "idle" | "running" | "stopping" | "closed" = "idle";
  #feed: Feed | undefined;
  #tenure: Tenure | undefined;
  #marks: Marks | undefined;
  #started: Promise<void> | undefined;
  #loop: Promise<void> | undefined;
  #tidying: Promise<void> | undefined;
  #stopped: Promise<number> | undefined;

  constructor(settings: RelaySettings) {
    this.#settings = settings;
    this.#tell = safeObserver(settings.observer);
    this.#rests = new Rests(settings.clock, settings.maxRestMs, () => {
      this.#mustRewind = true;
      this.#bell.ring();
    });
    this.#publishing = new Publishing({
      settings,
      window: this.#window,
      held: this.#held,
      rests: this.#rests,
      tell: this.#tell,
      mayStart: () => this.#state === "running" && this.#tenure?.held === true,
      isLeased: (bucket) => this.#tenure?.has(bucket) === true,
      onPublished: (row) => this.#marks!.add(row),
      onForgotten: () => {
        this.#mustRewind = true;
      },
      onEnd: () => this.#bell.ring(),
    });
  }

  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  status(): RelayStatus {
    const buckets = this.#tenure?.size ?? 0;
    const running = buckets > 0 ? "active" : "standby";
    return {
      owner: this.#settings.owner,
      state: this.#state === "closed" ? "closed" : this.#state === "idle" ? "idle" : running,
      buckets,
      inFlight: this.#publishing.inFlight,
      held: this.#window.size,
      published: this.#publishing.published,
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
    const onTrouble = (error: unknown) => this.#tell("trouble", { error });
    const feed = await store.feed({ owner, leaseMs, clock, pollMs, keepSentMs, onTrouble });
    if (this.#stopped !== undefined) return feed.release(true);
    this.#feed = feed;
    const marks = new Marks({
      mark: (rows) => feed.mark(rows),
      clock,
      groupMs: markMs,
      onTrouble,
      onMarked: (rows) => {
        this.#held.removed(rows);
        this.#bell.ring();
      },
    });
    const tenure = new Tenure({
      lease: () => feed.lease((bucket) => this.#held.isBusy(bucket)),
      isBalancing: () => feed.isBalancing?.() === true,
      leaseMs,
      clock,
      onTrouble,
      onChange: (lost) => {
        this.#leave((row) => lost.has(row.bucket));
        this.#tell("lease", { owner, held: tenure.held, buckets: tenure.size });
        this.#bell.ring();
      },
    });
    this.#marks = marks;
    this.#tenure = tenure;
    this.#state = "running";
    tenure.start();
    this.#loop = this.#work(feed, tenure, marks);
  }

  async #work(feed: Feed, tenure: Tenure, marks: Marks): Promise<void> {
    const { clock, batch, pace } = this.#settings;
    const limit = batch * 4;
    let troubles = 0;
    let sweptMs = clock.monotonic();
    while (this.#state === "running") {
      try {
        if (!tenure.held) {
          this.#leave(() => true);
          await this.#bell.rest((signal) => sleep(clock, 1_000, signal));
          continue;
        }
        await this.#settle(feed, tenure);
        if (this.#window.size >= limit || this.#window.bytes >= MAX_BYTES || marks.size >= limit * 8) {
          await this.#bell.rest((signal) => sleep(clock, 1_000, signal));
          continue;
        }
        if (pace !== undefined && !(await pace())) {
          await sleep(clock, PACE_MS, this.#stopping.signal);
          continue;
        }
        if (clock.monotonic() - sweptMs > SWEEP_MS) {
          sweptMs = clock.monotonic();
          this.#mustRewind = true;
          this.#tidy(feed);
        }
        const claimed = await this.#claim(feed, tenure, limit - this.#window.size);
        troubles = 0;
        if (claimed === 0) await this.#bell.rest((signal) => feed.wait(signal));
      } catch (error) {
        // Rows that the feed has answered, or was about to, may have come to nothing: later ones of their keys must not pass them.
        this.#mustRewind = true;
        if (isWaybillError(error, "WB_RELAY_LEASE_LOST")) {
          tenure.lost();
          continue;
        }
        this.#tell("trouble", { error });
        await sleep(clock, Math.min(5_000, 50 * 2 ** troubles++), this.#stopping.signal);
      }
    }
  }

  /** Reads rows and starts publishing them. Answers how many there were. */
  async #claim(feed: Feed, tenure: Tenure, max: number): Promise<number> {
    this.#held.nextClaim();
    if (this.#mustRewind) feed.rewind();
    this.#mustRewind = false;
    const rows = await feed.claim({
      max,
      maxBytes: MAX_BYTES - this.#window.bytes,
      skip: this.#rests.refused.with(this.#held.positions),
      exceptTopics: this.#rests.resting,
    });
    // Rows were put back meanwhile, after a rest or a lost lease: earlier ones of these keys may be among them. All is read again.
    if (this.#mustRewind) return rows.length;
    const behind: Failure[] = [];
    for (const row of rows) {
      // Its topic began to rest while the claim was under way: it stays where it is until the rewind at the end of the rest.
      if (this.#rests.resting.has(row.topic)) continue;
      // It waits behind one that lets others go first, until all of them are read again.
      if (this.#rests.refused.holds(row)) continue;
      // Its bucket was lost meanwhile; if it comes back, all is read again.
      if (!tenure.has(row.bucket)) this.#mustRewind = true;
      else if (row.behind) behind.push({ kind: "behind", row });
      else {
        this.#held.add(row);
        this.#window.add(row);
      }
    }
    this.#publishing.pump();
    if (rows.length === 0 && this.#window.size === 0) this.#rests.tryRefused();
    if (behind.length > 0) await feed.settle(behind);
    return rows.length;
  }

  /** Housekeeping runs beside the loop, however long it takes: nothing waits for it, and the next one comes after its end. */
  #tidy(feed: Feed): void {
    this.#tidying ??= feed
      .tidy()
      .catch((error) => this.#tell("trouble", { error }))
      .finally(() => {
        this.#tidying = undefined;
      });
  }

  /** Moves failed rows in one transaction, and with those that hold up their key the rows that wait behind them. */
  async #settle(feed: Feed, tenure: Tenure): Promise<void> {
    const failures = this.#publishing.takeFailures();
    if (failures.length === 0) return;
    const holdsUp = (failure: OwnFailure) => failure.kind === "retry" || failure.haltsKey;
    const all: Failure[] = [];
    for (const failure of failures) {
      all.push(failure);
      if (!holdsUp(failure)) continue;
      for (const row of this.#window.behind(failure.row)) if (!row.parked) all.push({ kind: "behind", row });
    }
    try {
      await feed.settle(all);
    } catch (error) {
      this.#publishing.putBack(failures);
      if (isWaybillError(error, "WB_RELAY_LEASE_LOST")) {
        this.#leave(() => true);
        tenure.lost();
      }
      throw error;
    }
    for (const failure of failures) {
      if (holdsUp(failure)) this.#held.drop(this.#window.dropKey(failure.row));
      else {
        this.#window.finish(failure.row);
        this.#held.drop([failure.row]);
      }
    }
    this.#publishing.pump();
  }

  /** Forgets what matches and is not in flight: another relay may have it now. */
  #leave(matches: (row: OutboxRow) => boolean): void {
    this.#publishing.forgetFailures(matches);
    this.#held.drop(this.#window.dropIdle(matches));
    // The lease may be back before anyone was told that it was gone.
    this.#mustRewind = true;
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
    const { inFlight } = this.#publishing;
    this.#stopping.abort();
    this.#publishing.abort();
    this.#rests.stop();
    const last = (async () => {
      await this.#loop;
      await this.#tenure!.stop();
      await this.#marks!.stop();
    })();
    // Housekeeping that goes on is in nobody's way: what the other relays wait for is the rest.
    const [answered] = await Promise.all([
      atMost(clock, LAST_WORDS_MS, last),
      atMost(clock, LAST_WORDS_MS, this.#tidying ?? Promise.resolve()),
    ]);
    await this.#feed!.release(answered && inFlight === 0);
    this.#state = "closed";
    return inFlight;
  }

  /** The calls in flight, and what came of them. */
  async #finish(): Promise<void> {
    await this.#loop;
    await this.#publishing.settled();
    await this.#settle(this.#feed!, this.#tenure!).catch((error) => this.#tell("trouble", { error }));
  }
}
