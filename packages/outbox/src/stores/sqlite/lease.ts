import type { DatabaseSync } from "node:sqlite";
import type { Clock } from "@waybill/core/spi";
import { statement } from "./statements.ts";

/** SQLite has one writer, so sharing the work would gain nothing: one relay holds all buckets by this row, others stand by. */
const ALL_BUCKETS = 0;
const GIVEN_BACK = 0;

/**
 * The lease as one relay knows it. No wall clock judges its end, since that of one process may be off, or be put: it is over once it was seen not to be
 * renewed for its whole length. Its `until` tells renewals apart, and people when it ends.
 */
export class Lease {
  readonly #owner: string;
  readonly #leaseMs: number;
  readonly #clock: Clock;
  #epoch: number | undefined;
  /** What another's row looked like, and since when by our monotonic clock. */
  #seen: { epoch: number; until: number; sinceMs: number } | undefined;

  constructor(owner: string, leaseMs: number, clock: Clock) {
    this.#owner = owner;
    this.#leaseMs = leaseMs;
    this.#clock = clock;
  }

  /** Cheap, by reading alone: could `take` succeed now? */
  isFree(db: DatabaseSync): boolean {
    const row = statement(db, "SELECT owner, epoch, lease_ms, until FROM main.outbox_lease WHERE bucket = ?").get(
      ALL_BUCKETS,
    );
    if (row === undefined || row.owner === this.#owner) return true;
    const epoch = row.epoch as number;
    const until = row.until as number;
    if (until === GIVEN_BACK) return true;
    const nowMs = this.#clock.monotonic();
    if (this.#seen?.epoch !== epoch || this.#seen.until !== until) this.#seen = { epoch, until, sinceMs: nowMs };
    return nowMs - this.#seen.sinceMs >= (row.lease_ms as number);
  }

  /** Inside a write transaction: takes or prolongs it. Answers its epoch, or `undefined` while another has it. */
  take(db: DatabaseSync): number | undefined {
    if (!this.isFree(db)) {
      this.#epoch = undefined;
      return undefined;
    }
    const row = statement(
      db,
      `INSERT INTO main.outbox_lease (bucket, owner, epoch, lease_ms, until) VALUES (?, ?, 1, ?, ?)
       ON CONFLICT (bucket) DO UPDATE SET
         epoch = epoch + (owner <> excluded.owner OR until = ${GIVEN_BACK}), owner = excluded.owner, lease_ms = excluded.lease_ms, until = excluded.until
       RETURNING epoch`,
    ).get(ALL_BUCKETS, this.#owner, this.#leaseMs, this.#clock.now() + this.#leaseMs);
    const epoch = row?.epoch as number;
    // The one before may have had another idea of the time: what it parked is tried now, and not when its clock meant.
    if (epoch !== this.#epoch) {
      statement(db, "UPDATE main.outbox_retry SET next_at = ?1 WHERE next_at > ?1").run(this.#clock.now());
    }
    this.#epoch = epoch;
    return epoch;
  }

  /** Inside a write transaction: is it still ours, as it was when we took it? */
  isOurs(db: DatabaseSync): boolean {
    if (this.#epoch === undefined) return false;
    const row = statement(db, "SELECT owner, epoch FROM main.outbox_lease WHERE bucket = ?").get(ALL_BUCKETS);
    return row?.owner === this.#owner && row.epoch === this.#epoch;
  }

  giveBack(db: DatabaseSync): void {
    if (this.isOurs(db)) {
      statement(db, `UPDATE main.outbox_lease SET until = ${GIVEN_BACK} WHERE bucket = ?`).run(ALL_BUCKETS);
    }
    this.#epoch = undefined;
  }
}
