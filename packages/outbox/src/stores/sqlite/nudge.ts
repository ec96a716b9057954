import type { DatabaseSync } from "node:sqlite";
import type { Clock } from "@waybill/core/spi";
import { statement } from "./statements.ts";

/** While rows keep coming, the file is looked at so often, and for so long after the last one. */
const HOT_POLL_MS = 1;
const HOT_FOR_MS = 250;

/**
 * Tells when there may be something new: at once for this process's own commits, by `PRAGMA data_version` for those of others. That
 * pragma takes no lock and reads no page; it changes when any other connection has committed.
 */
export class Nudge {
  readonly #reader: DatabaseSync;
  readonly #clock: Clock;
  readonly #idlePollMs: number;
  readonly #nextDueMs: () => number | undefined;
  #version: unknown;
  #hotUntil = 0;
  #pending = false;
  #wake: (() => void) | undefined;

  constructor(reader: DatabaseSync, clock: Clock, idlePollMs: number, nextDueMs: () => number | undefined) {
    this.#reader = reader;
    this.#clock = clock;
    this.#idlePollMs = idlePollMs;
    this.#nextDueMs = nextDueMs;
  }

  /** Rows are coming: looks often for a while. A commit alone is no sign of it, since a renewed lease is one too. */
  heat(): void {
    this.#hotUntil = this.#clock.monotonic() + HOT_FOR_MS;
  }

  /** There is something new, or will be any moment. */
  now(): void {
    this.heat();
    this.#pending = true;
    this.#wake?.();
  }

  /** What is read from now on includes all commits up to here. Call before reading. */
  noteVersion(): void {
    this.#pending = false;
    this.#version = this.#dataVersion();
  }

  async wait(signal: AbortSignal): Promise<void> {
    // Read once: who adds or moves such a row changes the version, and then this ends anyway.
    const dueMs = this.#nextDueMs();
    while (!signal.aborted && !this.#pending) {
      if (this.#dataVersion() !== this.#version) return;
      const untilDueMs = dueMs === undefined ? Number.POSITIVE_INFINITY : dueMs - this.#clock.now();
      if (untilDueMs <= 0) return;
      const pollMs = this.#clock.monotonic() < this.#hotUntil ? HOT_POLL_MS : this.#idlePollMs;
      await this.#pause(Math.min(pollMs, untilDueMs), signal);
    }
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        timer.clear();
        signal.removeEventListener("abort", finish);
        this.#wake = undefined;
        resolve();
      };
      const timer = this.#clock.after(ms, finish);
      signal.addEventListener("abort", finish, { once: true });
      this.#wake = finish;
    });
  }

  #dataVersion(): unknown {
    return statement(this.#reader, "PRAGMA data_version").get()?.data_version;
  }
}
