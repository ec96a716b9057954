import type { Delivery, WireMessage } from "@waybill/core/spi";
import type { Entry } from "./entry.ts";

/** Ends leases on time, from when somebody listens for the end of one. */
export interface LeaseWatch {
  watch(): void;
}

/** A delivery with a lease of its own: the holder's right to one message until a moment. A link of its queue's list of leases, soonest end first. */
export class Lease implements Delivery {
  readonly message: WireMessage;
  readonly deliveryCount: number;
  readonly entry: Entry;
  readonly #ends: LeaseWatch;
  untilMs: number;
  /** Changes with every renewal, as a pop receipt does. */
  receipt: number;
  previous: Lease | undefined;
  next: Lease | undefined;
  #over = false;
  #controller: AbortController | undefined;

  constructor(entry: Entry, ends: LeaseWatch, untilMs: number, receipt: number) {
    this.message = entry.message;
    this.deliveryCount = entry.deliveryCount;
    this.entry = entry;
    this.#ends = ends;
    this.untilMs = untilMs;
    this.receipt = receipt;
  }

  /** Settled, expired or taken away: it says nothing about the message any more. */
  get over(): boolean {
    return this.#over;
  }

  get leaseUntil(): Date {
    return new Date(this.untilMs);
  }

  get lost(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#over) this.#controller.abort();
      else this.#ends.watch();
    }
    return this.#controller.signal;
  }

  get raw(): { receipt: number; order: number } {
    return { receipt: this.receipt, order: this.entry.order };
  }

  /** Its holder settled it. */
  close(): void {
    this.#over = true;
  }

  /** Its holder lost it. */
  lose(): void {
    this.#over = true;
    this.#controller?.abort();
  }
}

/** Leases in the order of their ends. All of one queue are equally long, so a new or renewed one always goes last. */
export class LeaseList {
  first: Lease | undefined;
  #last: Lease | undefined;
  length = 0;

  add(lease: Lease): void {
    lease.previous = this.#last;
    lease.next = undefined;
    if (this.#last === undefined) this.first = lease;
    else this.#last.next = lease;
    this.#last = lease;
    this.length++;
  }

  remove(lease: Lease): void {
    if (lease.previous === undefined) this.first = lease.next;
    else lease.previous.next = lease.next;
    if (lease.next === undefined) this.#last = lease.previous;
    else lease.next.previous = lease.previous;
    lease.previous = undefined;
    lease.next = undefined;
    this.length--;
  }

  *[Symbol.iterator](): Generator<Lease> {
    for (let lease = this.first; lease !== undefined; ) {
      const next: Lease | undefined = lease.next;
      yield lease;
      lease = next;
    }
  }
}
