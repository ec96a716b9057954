import type { DeadLetters } from "../dead-letters.ts";
import type { AcceptedEvent } from "../events/accepted-event.ts";
import { NO_SHELF, type Shelf } from "../journal.ts";
import type { Timing } from "../timing.ts";
import type { Deliver } from "./destination.ts";
import { type FailedAttempt, type RetryRules, waitAfter } from "./retry-rules.ts";

/** Requests that are open to one destination at a time. */
const MAX_OPEN = 32;

export interface PushSettings {
  readonly rules: RetryRules;
  readonly maxAttempts: number;
  /** Before the speed-up. */
  readonly timeToLiveMs: number;
  readonly maxEventsPerBatch: number;
  readonly maxBatchBytes: number;
  /** The words of a dead letter, which differ between the two tiers. */
  readonly reasons: { readonly attempts: string; readonly expired: string; readonly final: string };
}

/** What outlives a restart. An attempt that was under way is made again. */
export interface KeptPush {
  readonly event: AcceptedEvent;
  readonly attempts: number;
  readonly last?: FailedAttempt | undefined;
  readonly lastAttemptAt?: number | undefined;
  readonly nextAttemptAt?: number | undefined;
}

/** ready → open → delivered, or back to ready after a wait, or a dead letter. */
interface Entry {
  readonly id: number;
  readonly event: AcceptedEvent;
  attempts: number;
  last: FailedAttempt | undefined;
  lastAttemptAt: number | undefined;
  /** Milliseconds since 1970; absent while it is ready or open. */
  nextAttemptAt: number | undefined;
  /** Left the queue, by whichever way was first. */
  isDone: boolean;
}

export interface PushEntryView {
  readonly id: string;
  readonly attempts: number;
  readonly lastOutcome: string | undefined;
  readonly nextAttemptAt: Date | undefined;
}

/** Pushes the events of one subscription and tries again as the service would. No order. */
export class PushQueue {
  delivered = 0;
  private readonly entries = new Set<Entry>();
  private ready: Entry[] = [];
  private open = 0;
  private isClosed = false;
  private readonly settings: PushSettings;
  private readonly deliver: Deliver;
  private readonly deadLetters: DeadLetters;
  private readonly timing: Timing;
  private readonly shelf: Shelf<KeptPush>;

  constructor(
    settings: PushSettings,
    deliver: Deliver,
    deadLetters: DeadLetters,
    timing: Timing,
    shelf: Shelf<KeptPush> = NO_SHELF,
  ) {
    this.shelf = shelf;
    this.settings = settings;
    this.deliver = deliver;
    this.deadLetters = deadLetters;
    this.timing = timing;
  }

  offer(events: readonly AcceptedEvent[]): void {
    for (const event of events) {
      const entry = newEntry(this.shelf.put({ event, attempts: 0 }), { event, attempts: 0 });
      this.entries.add(entry);
      this.ready.push(entry);
    }
    this.pump();
  }

  /** Puts back what waited before a restart. */
  resume(): void {
    for (const { id, value } of this.shelf.all()) {
      const entry = newEntry(id, value);
      this.entries.add(entry);
      if (entry.nextAttemptAt === undefined) this.ready.push(entry);
      else this.tryAgainAt(entry.nextAttemptAt, [entry]);
    }
    this.pump();
  }

  view(): PushEntryView[] {
    return [...this.entries].map(({ event, attempts, last, nextAttemptAt }) => ({
      id: String(event.attributes.id),
      attempts,
      lastOutcome: last?.outcome,
      nextAttemptAt: nextAttemptAt === undefined ? undefined : new Date(nextAttemptAt),
    }));
  }

  close(): void {
    this.isClosed = true;
    this.entries.clear();
    this.ready = [];
  }

  private pump(): void {
    while (!this.isClosed && this.open < MAX_OPEN && this.ready.length > 0) {
      const batch = this.nextBatch();
      if (batch.length > 0) void this.attempt(batch);
    }
  }

  /** Entries with the same number of attempts, so that `aeg-delivery-count` is true of all. */
  private nextBatch(): Entry[] {
    const { maxEventsPerBatch, maxBatchBytes } = this.settings;
    const batch: Entry[] = [];
    let bytes = 0;
    let taken = 0;
    for (const entry of this.ready) {
      if (entry.isDone || this.expire(entry)) {
        taken += 1;
        continue;
      }
      const size = Buffer.byteLength(entry.event.json);
      if (batch.length > 0 && (bytes + size > maxBatchBytes || entry.attempts !== batch[0]!.attempts)) break;
      batch.push(entry);
      bytes += size;
      taken += 1;
      if (batch.length === maxEventsPerBatch) break;
    }
    this.ready.splice(0, taken);
    return batch;
  }

  /** The time to live is looked at before an attempt, and only then. */
  private expire(entry: Entry): boolean {
    const end = entry.event.publishedAt + this.timing.wait(this.settings.timeToLiveMs);
    if (this.timing.clock.now() < end) return false;
    this.giveUp(entry, this.settings.reasons.expired);
    return true;
  }

  private async attempt(batch: readonly Entry[]): Promise<void> {
    this.open += 1;
    const now = this.timing.clock.now();
    const before = batch[0]!.attempts;
    for (const entry of batch) entry.lastAttemptAt = now;
    const result = await this.deliver(
      batch.map(({ event }) => event),
      before,
    );
    this.open -= 1;
    if (this.isClosed) return;
    if (result.kind === "delivered") this.succeed(batch);
    else {
      this.fail(batch, before + 1, result.failure);
      void result.late?.then((wasDelivered) => {
        if (wasDelivered && !this.isClosed) this.succeed(batch);
      });
    }
    this.pump();
  }

  private succeed(batch: readonly Entry[]): void {
    for (const entry of batch) {
      if (this.finish(entry)) this.delivered += 1;
    }
  }

  /** All of a batch share one number of attempts, and so one wait: they come again together. */
  private fail(batch: readonly Entry[], attempts: number, failure: FailedAttempt): void {
    const { rules, maxAttempts, reasons } = this.settings;
    const wait = waitAfter(rules, attempts, failure);
    const { clock } = this.timing;
    const nextAttemptAt = wait === undefined ? undefined : clock.now() + this.timing.wait(wait);
    for (const entry of batch) {
      entry.attempts = attempts;
      entry.last = failure;
      if (nextAttemptAt === undefined) this.giveUp(entry, reasons.final);
      else if (attempts >= maxAttempts) this.giveUp(entry, reasons.attempts);
      else {
        entry.nextAttemptAt = nextAttemptAt;
        const { event, last, lastAttemptAt } = entry;
        this.shelf.change(entry.id, { event, attempts, last, lastAttemptAt, nextAttemptAt });
      }
    }
    const again = batch.filter(({ isDone }) => !isDone);
    if (nextAttemptAt !== undefined && again.length > 0) this.tryAgainAt(nextAttemptAt, again);
  }

  private tryAgainAt(ms: number, entries: readonly Entry[]): void {
    this.timing.clock.at(ms, () => {
      if (this.isClosed) return;
      for (const entry of entries) {
        entry.nextAttemptAt = undefined;
        this.ready.push(entry);
      }
      this.pump();
    });
  }

  private giveUp(entry: Entry, reason: string): void {
    if (!this.finish(entry)) return;
    const { event, attempts, last, lastAttemptAt } = entry;
    this.deadLetters.add({ event, reason, attempts, outcome: last?.outcome ?? "NotAttempted", lastAttemptAt });
  }

  private finish(entry: Entry): boolean {
    if (entry.isDone) return false;
    entry.isDone = true;
    this.shelf.remove(entry.id);
    return this.entries.delete(entry);
  }
}

const newEntry = (id: number, { event, attempts, last, lastAttemptAt, nextAttemptAt }: KeptPush): Entry => ({
  id,
  event,
  attempts,
  last,
  lastAttemptAt,
  nextAttemptAt,
  isDone: false,
});
