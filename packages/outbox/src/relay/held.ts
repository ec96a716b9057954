import { BUCKETS, type OutboxRow, type PublishedRow } from "../store.ts";

/** Rows in memory, or published and not yet removed: a claim must not answer them again. */
export class Held {
  readonly positions = new Set<number>();
  readonly #perBucket = new Int32Array(BUCKETS);
  /** Removed from the store, by how many claims have been answered since. */
  #removed: readonly [PublishedRow[], PublishedRow[]] = [[], []];

  add(row: OutboxRow): void {
    this.positions.add(row.position);
    this.#perBucket[row.bucket]!++;
  }

  /** The rows stay in the store, for whoever claims them next. */
  drop(rows: readonly PublishedRow[]): void {
    for (const { position, bucket } of rows) if (this.positions.delete(position)) this.#perBucket[bucket]!--;
  }

  /** The rows are gone from the store. A claim under way may still see them, and one that was read ahead, so they stay for two more. */
  removed(rows: readonly PublishedRow[]): void {
    for (const row of rows) this.#removed[0].push(row);
  }

  /** Between two claims. */
  nextClaim(): void {
    const [fresh, seenOnce] = this.#removed;
    this.drop(seenOnce);
    this.#removed = [[], fresh];
  }

  /** True while a row of the bucket is being worked on. Those which are gone from the store do not count. */
  isBusy(bucket: number): boolean {
    if (this.#perBucket[bucket] === 0) return false;
    const gone = this.#removed.flat().filter((row) => row.bucket === bucket).length;
    return this.#perBucket[bucket]! > gone;
  }
}
