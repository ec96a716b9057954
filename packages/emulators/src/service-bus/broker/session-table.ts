import type { Clock } from "../../clock.ts";
import { sessionCannotBeLocked, sessionLockLost } from "./conditions.ts";
import { ReadyHeap } from "./ready-heap.ts";
import type { StoreJournal } from "./store-journal.ts";
import type { SessionHold } from "./stored-message.ts";

interface SessionEntry {
  readonly id: string;
  readonly ready: ReadyHeap;
  hold: SessionHold | undefined;
  state: Buffer | undefined;
  updatedAt: number;
}

/** A receiver that waits for any session. */
export interface SessionWaiter {
  granted(hold: SessionHold): void;
}

export interface SessionTableOptions {
  readonly clock: Clock;
  readonly lockDurationMs: () => number;
  readonly journal: StoreJournal;
  /** Gives the messages of an ended right back. */
  readonly onReleased: (hold: SessionHold, countDelivery: boolean) => void;
}

/** Sessions of one entity: who holds which, what waits in them, and their state. */
export class SessionTable {
  private readonly options: SessionTableOptions;
  private readonly sessions = new Map<string, SessionEntry>();
  private readonly waiters = new Set<SessionWaiter>();
  /** Unlocked sessions that may have something to deliver, in the order in which they became so. */
  private readonly available = new Set<SessionEntry>();

  constructor(options: SessionTableOptions) {
    this.options = options;
  }

  ready(id: string): ReadyHeap {
    return this.entry(id).ready;
  }

  holdOf(id: string): SessionHold | undefined {
    return this.sessions.get(id)?.hold;
  }

  /** A message of this session is ready: an unheld session goes to who has waited longest. */
  offer(id: string): void {
    const entry = this.entry(id);
    if (entry.hold !== undefined || entry.ready.peek() === undefined) return;
    this.available.add(entry);
    for (const waiter of this.waiters) {
      this.waiters.delete(waiter);
      waiter.granted(this.lock(entry));
      return;
    }
  }

  accept(id: string): SessionHold {
    const entry = this.entry(id);
    if (entry.hold !== undefined) throw sessionCannotBeLocked(id);
    return this.lock(entry);
  }

  /** Any session with something to deliver: now, or when there is one. The answer cancels the waiting. */
  acceptNext(waiter: SessionWaiter): () => void {
    for (const entry of this.available) {
      if (entry.hold !== undefined || entry.ready.peek() === undefined) {
        this.available.delete(entry);
        continue;
      }
      waiter.granted(this.lock(entry));
      return () => undefined;
    }
    this.waiters.add(waiter);
    return () => this.waiters.delete(waiter);
  }

  renew(id: string): number {
    const hold = this.must(id);
    hold.until = this.options.clock.now() + this.options.lockDurationMs();
    this.arm(hold);
    return hold.until;
  }

  /** The holder leaves: its messages come back, uncounted. */
  release(hold: SessionHold): void {
    this.end(hold, false);
  }

  /** The lock runs out, or is taken away. */
  lose(hold: SessionHold): void {
    if (hold.over) return;
    this.end(hold, true);
    hold.onLost?.(sessionLockLost(hold.id));
  }

  state(id: string): Buffer | undefined {
    return this.sessions.get(id)?.state;
  }

  setState(id: string, state: Buffer | undefined): void {
    this.must(id);
    this.putState(id, state, this.options.clock.now());
    this.options.journal.sessionStateSet(id, state, this.options.clock.now());
  }

  /** Without asking who holds it: after a restart. */
  putState(id: string, state: Buffer | undefined, at: number): void {
    const entry = this.entry(id);
    entry.state = state;
    entry.updatedAt = at;
  }

  /** Throws when nobody holds it. */
  must(id: string): SessionHold {
    const hold = this.sessions.get(id)?.hold;
    if (hold !== undefined && hold.until <= this.options.clock.now()) this.lose(hold);
    if (hold === undefined || hold.over) throw sessionLockLost(id);
    return hold;
  }

  /** Ids of sessions whose state was set after the moment; without one, of those that have messages or a state. */
  *ids(updatedAfter: number | undefined): Generator<string> {
    for (const entry of this.sessions.values()) {
      if (
        updatedAfter === undefined
          ? entry.ready.peek() !== undefined || entry.hold !== undefined || entry.state !== undefined
          : entry.state !== undefined && entry.updatedAt > updatedAfter
      )
        yield entry.id;
    }
  }

  *held(): Generator<SessionHold> {
    for (const { hold } of this.sessions.values()) if (hold !== undefined) yield hold;
  }

  private lock(entry: SessionEntry): SessionHold {
    this.available.delete(entry);
    const hold: SessionHold = {
      id: entry.id,
      until: this.options.clock.now() + this.options.lockDurationMs(),
      timer: undefined,
      locks: new Map(),
      onLost: undefined,
      over: false,
    };
    entry.hold = hold;
    this.arm(hold);
    return hold;
  }

  private arm(hold: SessionHold): void {
    hold.timer?.cancel();
    hold.timer = this.options.clock.at(hold.until, () => this.lose(hold));
  }

  private end(hold: SessionHold, countDelivery: boolean): void {
    if (hold.over) return;
    hold.over = true;
    hold.timer?.cancel();
    const entry = this.entry(hold.id);
    if (entry.hold === hold) entry.hold = undefined;
    this.options.onReleased(hold, countDelivery);
    this.offer(hold.id);
    this.forgetEmpty(entry);
  }

  private forgetEmpty(entry: SessionEntry): void {
    if (entry.hold === undefined && entry.state === undefined && entry.ready.peek() === undefined)
      this.sessions.delete(entry.id);
  }

  private entry(id: string): SessionEntry {
    let entry = this.sessions.get(id);
    if (entry === undefined) {
      entry = { id, ready: new ReadyHeap(), hold: undefined, state: undefined, updatedAt: this.options.clock.now() };
      this.sessions.set(id, entry);
    }
    return entry;
  }
}
