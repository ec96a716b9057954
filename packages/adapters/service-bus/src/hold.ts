import type { ServiceBusReceivedMessage } from "@azure/service-bus";
import type { WireMessage } from "@waybill/core/spi";
import type { InHand, Link } from "./link.ts";
import { lockEnd } from "./lock-end.ts";

/** What this receiver has of one message, from its arrival until it is settled or lost: the delivery itself, so that nothing need be looked up. */
export class Hold implements InHand<Hold> {
  readonly message: WireMessage;
  readonly raw: ServiceBusReceivedMessage;
  readonly link: Link<Hold>;
  readonly number: number;
  /** `waiting`: core has not taken it yet. */
  state: "waiting" | "handed" | "settled" | "lost" = "waiting";
  /** When core took it. */
  handedMs: number | undefined;
  previous: Hold | undefined;
  next: Hold | undefined;
  /** By this machine's clock: the service's may differ. A session's messages share its lock. */
  #untilMs: number;
  #abort: AbortController | undefined;

  constructor(raw: ServiceBusReceivedMessage, link: Link<Hold>, number: number, message: WireMessage) {
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
