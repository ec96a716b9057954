import type { Delivery, Want, WireMessage } from "@waybill/core/spi";
import { byOrder, byVisibility, type Entry } from "./entry.ts";
import { Heap } from "./heap.ts";
import { hashKey } from "./log.ts";
import type { QueueOptions } from "./queue.ts";
import { Tenure } from "./tenure.ts";
import { Wake } from "./wake.ts";

export interface SessionQueueOptions extends QueueOptions {
  readonly lanes: number;
}

/** A lane of a session queue, and its one holder. */
export interface Session {
  readonly id: string;
  readonly waiting: Heap<Entry>;
  readonly out: Set<SessionDelivery>;
  holder: object | undefined;
  tenure: Tenure | undefined;
  untilMs: number;
}

/** A message of a session. Lease and signal are the session's. */
export class SessionDelivery implements Delivery {
  readonly message: WireMessage;
  readonly lane: string;
  readonly deliveryCount: number;
  readonly entry: Entry;
  readonly session: Session;
  readonly tenure: Tenure;

  constructor(entry: Entry, session: Session, tenure: Tenure) {
    this.message = entry.message;
    this.lane = session.id;
    this.deliveryCount = entry.deliveryCount;
    this.entry = entry;
    this.session = session;
    this.tenure = tenure;
  }

  get leaseUntil(): Date {
    return new Date(this.session.untilMs);
  }

  get lost(): AbortSignal {
    return this.tenure.lost;
  }

  get raw(): { session: string; order: number } {
    return { session: this.session.id, order: this.entry.order };
  }
}

/** Messages in sessions: one consumer holds a session at a time and gets its messages in order. A key is always in the same session. */
export class SessionQueue {
  readonly source: string;
  readonly wake = new Wake();
  readonly sessions: readonly Session[];
  readonly #o: SessionQueueOptions;
  readonly #later = new Heap<Entry>(byVisibility);
  #order = 0;
  #keyless = 0;
  #live = 0;
  #turn = 0;

  constructor(options: SessionQueueOptions) {
    this.source = options.source;
    this.#o = options;
    this.sessions = Array.from({ length: options.lanes }, (_, index) => ({
      id: `session-${index}`,
      waiting: new Heap<Entry>(byOrder),
      out: new Set<SessionDelivery>(),
      holder: undefined,
      tenure: undefined,
      untilMs: 0,
    }));
  }

  get size(): number {
    return this.#live;
  }

  get nextDueMs(): number {
    let due = this.#later.peek()?.visibleMs ?? Number.POSITIVE_INFINITY;
    for (const { holder, untilMs } of this.sessions) if (holder !== undefined) due = Math.min(due, untilMs);
    return due;
  }

  put(message: WireMessage, visibleMs: number, expiresMs: number): void {
    const entry: Entry = { message, order: this.#order++, expiresMs, deliveryCount: 0, visibleMs };
    this.#live++;
    if (visibleMs > 0) this.#later.push(entry);
    else this.#sessionOf(message).waiting.push(entry);
  }

  /** Messages of the sessions that `holder` has, and of free ones, which it then has. */
  take(holder: object, want: Want, max: number, nowMs: number): SessionDelivery[] {
    this.tick(nowMs);
    const out: SessionDelivery[] = [];
    let left = want.maxBytes;
    for (let turn = 0; turn < this.sessions.length && out.length < max; turn++) {
      const session = this.sessions[this.#turn++ % this.sessions.length]!;
      const free = session.holder === undefined;
      if ((!free && session.holder !== holder) || want.pausedLanes.has(session.id)) continue;
      for (
        let entry = session.waiting.peek();
        entry !== undefined && out.length < max;
        entry = session.waiting.peek()
      ) {
        left -= entry.message.body?.byteLength ?? 0;
        if (left < 0 && out.length > 0) return out;
        session.waiting.pop();
        if (entry.expiresMs <= nowMs) {
          this.#live--;
          continue;
        }
        if (session.holder === undefined) {
          session.holder = holder;
          session.tenure = new Tenure(session.id);
          session.untilMs = nowMs + this.#o.leaseMs;
        }
        entry.deliveryCount++;
        const delivery = new SessionDelivery(entry, session, session.tenure!);
        session.out.add(delivery);
        out.push(delivery);
      }
    }
    return out;
  }

  ack(delivery: SessionDelivery, nowMs: number): boolean {
    if (!this.#held(delivery, nowMs)) return false;
    delivery.session.out.delete(delivery);
    this.#live--;
    this.#free(delivery.session);
    return true;
  }

  /** Gives it back to its place at the head of the session. */
  release(delivery: SessionDelivery, nowMs: number, message: WireMessage): boolean {
    if (!this.#held(delivery, nowMs)) return false;
    const { entry, session } = delivery;
    session.out.delete(delivery);
    entry.message = message;
    this.#back(session, entry);
    this.#free(session);
    this.wake.wake();
    return true;
  }

  /** Prolongs the whole session. */
  renew(delivery: SessionDelivery, nowMs: number): boolean {
    if (!this.#held(delivery, nowMs)) return false;
    delivery.session.untilMs = nowMs + this.#o.leaseMs;
    return true;
  }

  /** Takes the delivery's session away. */
  lose({ session, tenure }: SessionDelivery): void {
    if (session.tenure === tenure) this.#loseSession(session);
  }

  /** Takes the session away that has handed out a message of that id. */
  loseById(id: string): number {
    const holding = this.sessions.filter(({ out }) => [...out].some(({ message }) => message.id === id));
    for (const session of holding) this.#loseSession(session);
    return holding.length;
  }

  revokeAll(): number {
    const held = this.sessions.filter(({ holder }) => holder !== undefined);
    for (const session of held) this.#loseSession(session);
    return held.length;
  }

  /** Takes away what one consumer holds. */
  revokeFrom(holder: object): void {
    for (const session of this.sessions) if (session.holder === holder) this.#loseSession(session);
  }

  oldestMs(): number | undefined {
    let oldest: number | undefined;
    for (const { waiting, out } of this.sessions) {
      const times = [waiting.peek()?.message.timeMs, ...[...out].map(({ message }) => message.timeMs)];
      for (const time of times) if (time !== undefined) oldest = Math.min(oldest ?? time, time);
    }
    return oldest;
  }

  tick(nowMs: number): void {
    for (const session of this.sessions) {
      if (session.holder !== undefined && session.untilMs <= nowMs) this.#loseSession(session);
    }
    for (let entry = this.#later.peek(); entry !== undefined && entry.visibleMs <= nowMs; entry = this.#later.peek()) {
      this.#later.pop();
      this.#sessionOf(entry.message).waiting.push(entry);
    }
  }

  #sessionOf({ key }: WireMessage): Session {
    const count = this.sessions.length;
    return this.sessions[key === undefined ? this.#keyless++ % count : hashKey(key) % count]!;
  }

  #held({ session, tenure }: SessionDelivery, nowMs: number): boolean {
    if (session.tenure === tenure && session.untilMs <= nowMs) this.#loseSession(session);
    return !tenure.over;
  }

  #loseSession(session: Session): void {
    const { tenure } = session;
    const back = [...session.out];
    session.out.clear();
    session.holder = undefined;
    session.tenure = undefined;
    for (const { entry } of back) this.#back(session, entry);
    tenure?.end();
    this.wake.wake();
  }

  /** A session without anything in hand is let go, so that consumers can share. Its tenure stays good for nothing more. */
  #free(session: Session): void {
    if (session.out.size > 0 || session.waiting.length > 0) return;
    session.holder = undefined;
    session.tenure = undefined;
  }

  #back(session: Session, entry: Entry): void {
    const { maxDeliveryCount, exhausted } = this.#o;
    if (entry.deliveryCount >= maxDeliveryCount && exhausted?.(entry.message, entry.deliveryCount)) {
      this.#live--;
      return;
    }
    session.waiting.push(entry);
  }
}
