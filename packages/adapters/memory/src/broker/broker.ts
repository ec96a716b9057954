import { type Clock, type ErrorKind, systemClock } from "@waybill/core/spi";
import type { Like } from "../capabilities.ts";
import { injected } from "../errors.ts";
import type { FanOut } from "./fan-out.ts";
import type { Group } from "./group.ts";
import type { Log } from "./log.ts";
import type { Queue } from "./queue.ts";
import type { SessionQueue } from "./session-queue.ts";

/** A call of the SPI that can be made to fail. */
export type Operation = "send" | "receive" | "settle" | "renew";

export interface MemoryBrokerOptions {
  /** The only time that the broker and its adapters know. Default: the system's. */
  readonly clock?: Clock;
}

/**
 * What outlives an adapter: topics, messages, positions, leases. Adapters that share one are processes that share a broker. Its switches
 * are for tests: each acts once, at the next opportunity, unless it says otherwise.
 */
export class MemoryBroker {
  readonly clock: Clock;
  /** By physical name. */
  readonly logs = new Map<string, Log>();
  readonly queues = new Map<string, Queue | SessionQueue>();
  readonly fanOuts = new Map<string, FanOut>();
  readonly groups = new Map<string, Group>();
  #like: Like | undefined;
  #deadLetterDown = false;
  #ids = 0;
  readonly #failures = new Map<Operation, unknown[]>();

  constructor(options: MemoryBrokerOptions = {}) {
    this.clock = options.clock ?? systemClock;
  }

  /** For brokers that name messages themselves. */
  nextId(): string {
    return `m-${++this.#ids}`;
  }

  /** True when this broker is like that one already, or now is for the first time. */
  takesShape(like: Like): boolean {
    this.#like ??= like;
    return this.#like === like;
  }

  /** The next `times` (default 1) calls of an operation throw `error`: one of a kind that `classify` knows, or any other value. */
  failNext(operation: Operation, error: ErrorKind | Error = "transient", times = 1): void {
    const queued = this.#failures.get(operation) ?? [];
    for (let count = 0; count < times; count++) {
      queued.push(typeof error === "string" ? injected(error, operation) : error);
    }
    this.#failures.set(operation, queued);
  }

  /** Ends the lease of every delivery of the message with that id, or the lane that holds it. Answers how many there were. */
  loseLease(id: string): number {
    let lost = 0;
    for (const queue of this.queues.values()) lost += queue.loseById(id);
    for (const group of this.groups.values()) {
      const lane = group.laneHolding(id);
      if (lane === undefined) continue;
      group.revokeLane(lane);
      lost++;
    }
    return lost;
  }

  /** Takes every lane of a subscription (or of `topic/subscription`) from its readers and hands them out anew. Answers how many lanes moved. */
  revokeLanes(subscription: string): number {
    let moved = 0;
    const matches = (name: string) => name === subscription || name.endsWith(`/${subscription}`);
    for (const group of this.groups.values()) {
      if (!matches(group.source)) continue;
      moved += group.lanes.length;
      group.shuffle();
    }
    for (const queue of this.queues.values()) {
      if (matches(queue.source)) moved += queue.revokeAll();
    }
    return moved;
  }

  /** While down, nothing can be written to any dead-letter place. Stays until switched back. */
  deadLetterDown(down: boolean): void {
    this.#deadLetterDown = down;
  }

  get isDeadLetterDown(): boolean {
    return this.#deadLetterDown;
  }

  /** Throws what {@link failNext} put there. */
  failIfAsked(operation: Operation): void {
    if (this.#failures.size === 0) return;
    const queued = this.#failures.get(operation);
    if (queued === undefined) return;
    const error = queued.shift();
    if (queued.length === 0) this.#failures.delete(operation);
    throw error;
  }
}

/** A broker for several adapters to share. */
export function createMemoryBroker(options: MemoryBrokerOptions = {}): MemoryBroker {
  return new MemoryBroker(options);
}
