import type { DatabaseSync } from "node:sqlite";
import type { Clock } from "@waybill/core/spi";
import { Nudge } from "../nudge.ts";
import { statement } from "./statements.ts";

/**
 * Tells when there may be something new: at once for this process's own commits, by `PRAGMA data_version` for those of others. That
 * pragma takes no lock and reads no page; it changes when any other connection has committed.
 */
export class CommitWatch {
  readonly #reader: DatabaseSync;
  readonly #clock: Clock;
  readonly #nudge: Nudge;
  readonly #nextDueMs: () => number | undefined;
  #version: unknown;

  constructor(reader: DatabaseSync, clock: Clock, idlePollMs: number, nextDueMs: () => number | undefined) {
    this.#reader = reader;
    this.#clock = clock;
    this.#nudge = new Nudge(clock, idlePollMs);
    this.#nextDueMs = nextDueMs;
  }

  /** Rows are coming: looks often for a while. A commit alone is no sign of it, since a renewed lease is one too. */
  heat(): void {
    this.#nudge.heat();
  }

  /** There is something new, or will be any moment. */
  now(): void {
    this.#nudge.now();
  }

  /** What is read from now on includes all commits up to here. Call before reading. */
  noteVersion(): void {
    this.#nudge.noteRead();
    this.#version = this.#dataVersion();
  }

  async wait(signal: AbortSignal): Promise<void> {
    // Read once: who adds or moves such a row changes the version, and then this ends anyway.
    const dueMs = this.#nextDueMs();
    while (!signal.aborted && !this.#nudge.isPending) {
      if (this.#dataVersion() !== this.#version) return;
      const untilDueMs = dueMs === undefined ? Number.POSITIVE_INFINITY : dueMs - this.#clock.now();
      if (untilDueMs <= 0) return;
      await this.#nudge.wait(untilDueMs, true, signal);
    }
  }

  #dataVersion(): unknown {
    return statement(this.#reader, "PRAGMA data_version").get()?.data_version;
  }
}
