import type { Clock, Timer, Want, WireMessage } from "@waybill/core/spi";
import { Deque } from "./deque.ts";
import { byOrder, byVisibility, type Entry } from "./entry.ts";
import { Heap } from "./heap.ts";
import { Lease, LeaseList } from "./lease.ts";
import { Wake } from "./wake.ts";

export interface QueueOptions {
  /** Logical: `orders/billing`, `orders/billing/dead`. */
  readonly source: string;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly maxDeliveryCount: number;
  /** Takes a message that has been delivered too often; false when it cannot take it now. */
  readonly exhausted?: ((message: WireMessage, deliveryCount: number) => boolean) | undefined;
}

/** Messages that are leased one by one. A lease that ends gives its message back; nothing runs on a timer unless somebody watches. */
export class Queue {
  readonly source: string;
  readonly wake = new Wake();
  readonly #o: QueueOptions;
  readonly #fresh = new Deque<Entry>();
  /** Given back: older than what is fresh, so taken first. */
  readonly #again = new Heap<Entry>(byOrder);
  readonly #later = new Heap<Entry>(byVisibility);
  readonly #leases = new LeaseList();
  #order = 0;
  #receipt = 0;
  #live = 0;
  #timer: Timer | undefined;

  constructor(options: QueueOptions) {
    this.source = options.source;
    this.#o = options;
  }

  /** Messages that are not settled. */
  get size(): number {
    return this.#live;
  }

  /** When something next becomes available by itself. */
  get nextDueMs(): number {
    const later = this.#later.peek()?.visibleMs ?? Number.POSITIVE_INFINITY;
    return Math.min(later, this.#leases.first?.untilMs ?? Number.POSITIVE_INFINITY);
  }

  put(message: WireMessage, visibleMs: number, expiresMs: number): void {
    const entry: Entry = {
      message,
      order: this.#order++,
      expiresMs,
      deliveryCount: 0,
      visibleMs,
    };
    this.#live++;
    if (visibleMs > 0) this.#later.push(entry);
    else this.#fresh.push(entry);
  }

  take(want: Want, max: number, nowMs: number): Lease[] {
    this.tick(nowMs);
    const out: Lease[] = [];
    const untilMs = nowMs + this.#o.leaseMs;
    let left = want.maxBytes;
    while (out.length < max) {
      const entry = this.#again.peek() ?? this.#fresh.peek();
      if (entry === undefined) break;
      left -= entry.message.body?.byteLength ?? 0;
      if (left < 0 && out.length > 0) break;
      if (this.#again.length > 0) this.#again.pop();
      else this.#fresh.shift();
      if (entry.expiresMs <= nowMs) {
        this.#live--;
        continue;
      }
      entry.deliveryCount++;
      const lease = new Lease(entry, this, untilMs, ++this.#receipt);
      this.#leases.add(lease);
      out.push(lease);
    }
    return out;
  }

  /** False when the lease is over: nothing happens then. */
  ack(lease: Lease, nowMs: number): boolean {
    if (!this.#held(lease, nowMs)) return false;
    this.#leases.remove(lease);
    lease.close();
    this.#live--;
    return true;
  }

  /** Gives it back, for now or for later; `message` replaces what is delivered next. */
  release(lease: Lease, delayMs: number, nowMs: number, message = lease.message): boolean {
    if (!this.#held(lease, nowMs)) return false;
    this.#leases.remove(lease);
    lease.close();
    lease.entry.message = message;
    this.#back(lease.entry, delayMs > 0 ? nowMs + delayMs : 0);
    this.wake.wake();
    return true;
  }

  renew(lease: Lease, nowMs: number): boolean {
    if (!this.#held(lease, nowMs)) return false;
    this.#leases.remove(lease);
    lease.untilMs = nowMs + this.#o.leaseMs;
    lease.receipt = ++this.#receipt;
    this.#leases.add(lease);
    return true;
  }

  /** Takes a lease away, as if it had ended. */
  lose(lease: Lease): void {
    if (lease.over) return;
    this.#leases.remove(lease);
    lease.lose();
    this.#back(lease.entry, 0);
    this.wake.wake();
  }

  /** Takes away every lease on a message of that id. */
  loseById(id: string): number {
    const holding = [...this.#leases].filter(({ message }) => message.id === id);
    for (const lease of holding) this.lose(lease);
    return holding.length;
  }

  /** Ends every lease at once. Answers how many there were. */
  revokeAll(): number {
    const all = [...this.#leases];
    for (const lease of all) this.lose(lease);
    return all.length;
  }

  /** Up to `max` messages from the head, leased and later ones included. */
  browse(max: number): WireMessage[] {
    const all = [...this.#fresh, ...this.#again, ...this.#later, ...[...this.#leases].map(({ entry }) => entry)];
    return all
      .sort(byOrder)
      .slice(0, max)
      .map(({ message }) => message);
  }

  /** When the broker took the oldest one that is not settled, as far as it knows. */
  oldestMs(): number | undefined {
    return (this.#leases.first?.entry ?? this.#again.peek() ?? this.#fresh.peek() ?? this.#later.peek())?.message
      .timeMs;
  }

  /** Somebody listens for a lost lease: from now on one timer of the queue ends leases on time. */
  watch(): void {
    const first = this.#leases.first;
    if (this.#timer !== undefined || first === undefined) return;
    const { clock } = this.#o;
    this.#timer = clock.after(
      first.untilMs - clock.now(),
      () => {
        this.#timer = undefined;
        this.tick(clock.now());
        this.watch();
      },
      { unref: true },
    );
  }

  /** Brings everything up to `nowMs`: what is due, and what leases have ended. */
  tick(nowMs: number): void {
    let back = false;
    for (let lease = this.#leases.first; lease !== undefined && lease.untilMs <= nowMs; lease = this.#leases.first) {
      this.#leases.remove(lease);
      lease.lose();
      this.#back(lease.entry, 0);
      back = true;
    }
    for (let entry = this.#later.peek(); entry !== undefined && entry.visibleMs <= nowMs; entry = this.#later.peek()) {
      this.#later.pop();
      entry.visibleMs = 0;
      this.#again.push(entry);
      back = true;
    }
    if (back) this.wake.wake();
  }

  #held(lease: Lease, nowMs: number): boolean {
    if (lease.over) return false;
    if (lease.untilMs > nowMs) return true;
    this.tick(nowMs);
    return false;
  }

  #back(entry: Entry, visibleMs: number): void {
    const { maxDeliveryCount, exhausted } = this.#o;
    if (entry.deliveryCount >= maxDeliveryCount && exhausted?.(entry.message, entry.deliveryCount)) {
      this.#live--;
      return;
    }
    entry.visibleMs = visibleMs;
    if (visibleMs > 0) this.#later.push(entry);
    else this.#again.push(entry);
  }
}
