import { randomBytes } from "node:crypto";
import type { Timer } from "../../clock.ts";
import type { DeadLetters } from "../dead-letters.ts";
import type { AcceptedEvent } from "../events/accepted-event.ts";
import { NO_SHELF, type Shelf } from "../journal.ts";
import type { Timing } from "../timing.ts";

/** A lock can be renewed for this long after the event was received. */
const RENEWAL_LIMIT_MS = 60 * 60_000;
const TOKEN = /^[A-Za-z0-9_-]{32}$/;

export interface PullSettings {
  readonly lockMs: number;
  readonly maxDeliveries: number;
  /** Before the speed-up. */
  readonly timeToLiveMs: number;
}

/** What outlives a restart. Locks do not. */
export interface KeptPull {
  readonly event: AcceptedEvent;
  readonly deliveries: number;
  readonly receivedAt?: number | undefined;
  /** Of a release: milliseconds since 1970. */
  readonly delayedUntil?: number | undefined;
}

/** available → locked → acknowledged or dead letter, or released: available again, at once or after a delay. */
interface Entry {
  readonly id: number;
  readonly event: AcceptedEvent;
  deliveries: number;
  receivedAt: number | undefined;
  lock: { readonly token: string; until: number; timer: Timer } | undefined;
  /** Waits for the end of a release delay. */
  delay: Timer | undefined;
}

export interface PulledEvent {
  readonly lockToken: string;
  readonly deliveryCount: number;
  readonly event: AcceptedEvent;
}

/** Why a token was refused, in the service's words. */
export type TokenError = "BadToken" | "TokenLost";

export interface PullEntryView {
  readonly id: string;
  readonly state: "available" | "locked" | "delayed";
  readonly deliveryCount: number;
  readonly lockToken: string | undefined;
  readonly lockedUntil: Date | undefined;
}

interface Waiter {
  readonly max: number;
  readonly timer: Timer;
  readonly resolve: (events: PulledEvent[]) => void;
}

/** The events of one namespace subscription that are received by request. */
export class PullQueue {
  acknowledged = 0;
  /** In the order of publishing, which is that of expiry. */
  private readonly entries = new Set<Entry>();
  private readonly available = new Set<Entry>();
  private readonly locked = new Map<string, Entry>();
  private readonly waiters = new Set<Waiter>();
  private expiry: Timer | undefined;
  private readonly settings: PullSettings;
  private readonly deadLetters: DeadLetters;
  private readonly timing: Timing;
  private readonly shelf: Shelf<KeptPull>;

  constructor(settings: PullSettings, deadLetters: DeadLetters, timing: Timing, shelf: Shelf<KeptPull> = NO_SHELF) {
    this.shelf = shelf;
    this.settings = settings;
    this.deadLetters = deadLetters;
    this.timing = timing;
  }

  offer(events: readonly AcceptedEvent[]): void {
    for (const event of events) {
      const id = this.shelf.put({ event, deliveries: 0 });
      const entry: Entry = { id, event, deliveries: 0, receivedAt: undefined, lock: undefined, delay: undefined };
      this.entries.add(entry);
      this.available.add(entry);
    }
    this.armExpiry();
    this.serve();
  }

  /** Puts back what waited before a restart. */
  resume(): void {
    for (const { id, value } of this.shelf.all()) {
      const { event, deliveries, receivedAt, delayedUntil } = value;
      const entry: Entry = { id, event, deliveries, receivedAt, lock: undefined, delay: undefined };
      this.entries.add(entry);
      if (delayedUntil !== undefined) this.delay(entry, delayedUntil);
      else if (this.isSpent(entry)) this.giveUpSpent(entry, "Event was not acknowledged nor rejected.");
      else this.available.add(entry);
    }
    this.armExpiry();
    this.serve();
  }

  /** Locks up to `max` events; waits for the first one. An empty array when none came in time or the signal says so. */
  receive(max: number, waitMs: number, signal: AbortSignal): Promise<PulledEvent[]> {
    const ready = this.take(max);
    if (ready.length > 0 || signal.aborted) return Promise.resolve(ready);
    return new Promise((resolve) => {
      const leave = () => {
        this.waiters.delete(waiter);
        waiter.timer.cancel();
        signal.removeEventListener("abort", give);
      };
      const give = () => waiter.resolve([]);
      const { clock } = this.timing;
      const waiter: Waiter = {
        max,
        timer: clock.at(clock.now() + waitMs, give),
        resolve: (events) => {
          leave();
          resolve(events);
        },
      };
      signal.addEventListener("abort", give);
      this.waiters.add(waiter);
    });
  }

  acknowledge(token: string): TokenError | undefined {
    return this.settle(token, (entry) => {
      this.forget(entry);
      this.acknowledged += 1;
    });
  }

  reject(token: string): TokenError | undefined {
    return this.settle(token, (entry) => this.giveUp(entry, "Event was rejected.", "Rejected"));
  }

  /** The delay is one of the service's five, before the speed-up. */
  release(token: string, delayMs: number): TokenError | undefined {
    return this.settle(token, (entry) => {
      if (this.isSpent(entry)) this.giveUpSpent(entry, "Event was released.");
      else if (delayMs === 0) this.giveBack(entry);
      else {
        const until = this.timing.clock.now() + this.timing.wait(delayMs);
        this.keep(entry, until);
        this.delay(entry, until);
      }
    });
  }

  /** Gives the lock its full length again, from now. */
  renew(token: string): TokenError | undefined {
    const entry = this.held(token);
    if (typeof entry === "string") return entry;
    const now = this.timing.clock.now();
    if (entry.receivedAt !== undefined && now >= entry.receivedAt + RENEWAL_LIMIT_MS) return "TokenLost";
    entry.lock!.timer.cancel();
    this.lock(entry, token);
    return undefined;
  }

  /** Ends locks as if their time had come. Returns how many. */
  expireLocks(token?: string): number {
    const tokens = token === undefined ? [...this.locked.keys()] : [token];
    return tokens.filter((one) => this.loseLock(one)).length;
  }

  view(): PullEntryView[] {
    return [...this.entries].map(({ event, deliveries, lock, delay }) => ({
      id: String(event.attributes.id),
      state: lock !== undefined ? "locked" : delay !== undefined ? "delayed" : "available",
      deliveryCount: deliveries,
      lockToken: lock?.token,
      lockedUntil: lock && new Date(lock.until),
    }));
  }

  close(): void {
    for (const waiter of [...this.waiters]) waiter.resolve([]);
    for (const { lock, delay } of this.entries) {
      lock?.timer.cancel();
      delay?.cancel();
    }
    this.expiry?.cancel();
    this.entries.clear();
    this.available.clear();
    this.locked.clear();
  }

  private delay(entry: Entry, until: number): void {
    entry.delay = this.timing.clock.at(until, () => {
      entry.delay = undefined;
      this.giveBack(entry);
    });
  }

  private keep({ id, event, deliveries, receivedAt }: Entry, delayedUntil?: number): void {
    this.shelf.change(id, { event, deliveries, receivedAt, delayedUntil });
  }

  private forget(entry: Entry): void {
    this.entries.delete(entry);
    this.shelf.remove(entry.id);
  }

  private take(max: number): PulledEvent[] {
    const taken: PulledEvent[] = [];
    for (const entry of this.available) {
      if (taken.length === max) break;
      this.available.delete(entry);
      entry.deliveries += 1;
      entry.receivedAt = this.timing.clock.now();
      this.keep(entry);
      const token = randomBytes(24).toString("base64url");
      this.lock(entry, token);
      taken.push({ lockToken: token, deliveryCount: entry.deliveries, event: entry.event });
    }
    return taken;
  }

  private serve(): void {
    for (const waiter of this.waiters) {
      if (this.available.size === 0) return;
      waiter.resolve(this.take(waiter.max));
    }
  }

  private lock(entry: Entry, token: string): void {
    const until = this.timing.clock.now() + this.settings.lockMs;
    entry.lock = { token, until, timer: this.timing.clock.at(until, () => void this.loseLock(token)) };
    this.locked.set(token, entry);
  }

  private unlock(entry: Entry, token: string): void {
    entry.lock?.timer.cancel();
    entry.lock = undefined;
    this.locked.delete(token);
  }

  private loseLock(token: string): boolean {
    const entry = this.locked.get(token);
    if (entry === undefined) return false;
    this.unlock(entry, token);
    if (this.isSpent(entry)) this.giveUpSpent(entry, "Event was not acknowledged nor rejected.");
    else this.giveBack(entry);
    return true;
  }

  private settle(token: string, act: (entry: Entry) => void): TokenError | undefined {
    const entry = this.held(token);
    if (typeof entry === "string") return entry;
    this.unlock(entry, token);
    act(entry);
    return undefined;
  }

  private held(token: string): Entry | TokenError {
    return this.locked.get(token) ?? (TOKEN.test(token) ? "TokenLost" : "BadToken");
  }

  private giveBack(entry: Entry): void {
    if (!this.entries.has(entry)) return;
    if (this.hasExpired(entry)) this.giveUpExpired(entry);
    else {
      this.available.add(entry);
      this.serve();
    }
  }

  private isSpent(entry: Entry): boolean {
    return entry.deliveries >= this.settings.maxDeliveries;
  }

  private giveUpSpent(entry: Entry, result: string): void {
    this.giveUp(entry, "Maximum delivery attempts was exceeded.", result);
  }

  private giveUpExpired(entry: Entry): void {
    this.giveUp(entry, "Event time to live was exceeded.", "Event was not acknowledged nor rejected.");
  }

  private giveUp(entry: Entry, reason: string, outcome: string): void {
    this.forget(entry);
    this.available.delete(entry);
    entry.delay?.cancel();
    const { event, deliveries, receivedAt } = entry;
    this.deadLetters.add({ event, reason, attempts: deliveries, outcome, lastAttemptAt: receivedAt });
  }

  private expiresAt({ event }: Entry): number {
    return event.publishedAt + this.timing.wait(this.settings.timeToLiveMs);
  }

  private hasExpired(entry: Entry): boolean {
    return this.timing.clock.now() >= this.expiresAt(entry);
  }

  /** One timer, for the oldest event that nobody holds: a held one is looked at when its lock ends. */
  private armExpiry(): void {
    if (this.expiry !== undefined) return;
    for (const entry of this.entries) {
      if (entry.lock !== undefined && this.hasExpired(entry)) continue;
      this.expiry = this.timing.clock.at(this.expiresAt(entry), () => {
        this.expiry = undefined;
        this.expireOld();
        this.armExpiry();
      });
      return;
    }
  }

  private expireOld(): void {
    for (const entry of this.entries) {
      if (!this.hasExpired(entry)) return;
      if (entry.lock === undefined) this.giveUpExpired(entry);
    }
  }
}
