import type { ServiceBusReceivedMessage } from "@azure/service-bus";
import type { Delivery, WireMessage } from "@waybill/core/spi";
import type { Link } from "./link.ts";

/** What this receiver has of one message, from its arrival until it is settled or lost: the delivery itself, so that nothing need be looked up. */
export class Hold implements Delivery {
  readonly message: WireMessage;
  readonly raw: ServiceBusReceivedMessage;
  readonly link: Link;
  /** The n-th that came over its link, from 1. */
  readonly number: number;
  /** `waiting`: core has not taken it yet. */
  state: "waiting" | "handed" | "settled" | "lost" = "waiting";
  /** When core took it. */
  handedMs: number | undefined;
  /** Neighbours in their link's list. */
  previous: Hold | undefined;
  next: Hold | undefined;
  /** By this machine's clock: the service's may differ. A session's messages share its lock. */
  #untilMs: number;
  #abort: AbortController | undefined;

  constructor(raw: ServiceBusReceivedMessage, link: Link, number: number, message: WireMessage) {
    this.message = message;
    this.raw = raw;
    this.link = link;
    this.number = number;
    this.#untilMs = lockEnd(raw.lockedUntilUtc, link.lockMs);
  }

  get lane(): string | undefined {
    return this.link.lane;
  }

  get deliveryCount(): number {
    return (this.raw.deliveryCount ?? 0) + 1;
  }

  get leaseUntil(): Date {
    return new Date(this.untilMs);
  }

  get lost(): AbortSignal {
    if (this.link.session !== undefined) return this.link.lost.signal;
    this.#abort ??= new AbortController();
    if (this.state === "lost") this.#abort.abort();
    return this.#abort.signal;
  }

  get untilMs(): number {
    return this.link.session === undefined ? this.#untilMs : this.link.untilMs;
  }

  renewed(until: Date): Date {
    this.#untilMs = lockEnd(until, this.link.lockMs);
    return new Date(this.#untilMs);
  }

  /** False when it was lost while it waited. */
  handed(): boolean {
    if (this.state !== "waiting") return false;
    this.state = "handed";
    this.handedMs = Date.now();
    this.link.waiting--;
    return true;
  }

  lose(): void {
    if (this.state === "settled" || this.state === "lost") return;
    if (this.state === "waiting") this.link.waiting--;
    this.state = "lost";
    this.#abort?.abort();
    this.link.holds.delete(this);
  }

  settled(): void {
    this.state = "settled";
    this.link.holds.delete(this);
  }
}

/**
 * When a lock ends by this machine's clock. The service says when by its own: where that leaves less than `lockMs`, the entity's lock is shorter than we
 * were told, or our clock is ahead, and the earlier end is the safe one. Where it leaves nothing, the clocks are apart, and `lockMs` counts.
 */
export function lockEnd(until: Date | undefined, lockMs: number): number {
  const now = Date.now();
  const leftMs = (until?.getTime() ?? 0) - now;
  return now + (leftMs > 500 ? Math.min(leftMs, lockMs) : lockMs);
}
