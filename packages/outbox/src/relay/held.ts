import { BUCKETS, type OutboxRow, type PublishedRow } from "../store.ts";
import { PositionSet } from "./position-set.ts";

/** Rows in memory, or published and not yet removed: a claim must not answer them again. */
export class Held {
  readonly positions = new PositionSet();
  /** Of each bucket, how many rows are held, those left out which are gone from the store. */
  readonly #busy = new Int32Array(BUCKETS);
  /** Removed from the store, by how many claims have been answered since. */
  #fresh: PublishedRow[] = [];
  #seenOnce: PublishedRow[] = [];

  add(row: OutboxRow): void {
    this.positions.add(row.position);
    this.#busy[row.bucket]!++;
  }

  /** The rows stay in the store, for whoever claims them next. */
  drop(rows: readonly PublishedRow[]): void {
    for (const { position, bucket } of rows) if (this.positions.delete(position)) this.#busy[bucket]!--;
  }

  /** The rows are gone from the store. A claim under way may still see them, and one that was read ahead, so they stay for two more. */
  removed(rows: readonly PublishedRow[]): void {
    for (const row of rows) {
      this.#fresh.push(row);
      this.#busy[row.bucket]!--;
    }
  }

  /** Between two claims. */
  nextClaim(): void {
    for (const { position } of this.#seenOnce) this.positions.delete(position);
    this.#seenOnce = this.#fresh;
    this.#fresh = [];
  }

  /** True while a row of the bucket is being worked on. Those which are gone from the store do not count. */
  isBusy(bucket: number): boolean {
    return this.#busy[bucket]! > 0;
  }
}
