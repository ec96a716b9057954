import type { WireMessage } from "@waybill/core/spi";
import type { Queue } from "./queue.ts";
import type { SessionQueue } from "./session-queue.ts";

/** A topic whose subscriptions are queues: what is published is copied to those that exist at that moment. */
export class FanOut {
  readonly subscriptions = new Map<string, Queue | SessionQueue>();
  readonly #dedupeMs: number;
  /** Ids seen, oldest first, with the moment when they may come again. */
  readonly #seen = new Map<string, number>();

  constructor(dedupeMs: number) {
    this.#dedupeMs = dedupeMs;
  }

  /** True when a message of this id was taken within the duplicate window; remembers it otherwise. */
  isDuplicate(id: string, nowMs: number): boolean {
    if (this.#dedupeMs === 0) return false;
    for (const [old, untilMs] of this.#seen) {
      if (untilMs > nowMs) break;
      this.#seen.delete(old);
    }
    if (this.#seen.has(id)) return true;
    this.#seen.set(id, nowMs + this.#dedupeMs);
    return false;
  }

  put(message: WireMessage, visibleMs: number, expiresMs: number): void {
    for (const queue of this.subscriptions.values()) queue.put(message, visibleMs, expiresMs);
  }

  wake(): void {
    for (const queue of this.subscriptions.values()) queue.wake.wake();
  }
}
