import type { ClaimOptions, OutboxRow } from "../../store.ts";
import type { Cursor, Reading } from "./cursor.ts";
import type { LogTail } from "./log-tail.ts";

/**
 * Rows read before they are asked for: while the relay publishes what one reading brought, the server works on the next. With the tail of
 * the log, what that brings comes first, as soon as the table has been read up to where it begins.
 */
export class Ahead {
  readonly #cursor: Cursor;
  readonly #tail: LogTail | undefined;
  #rows: readonly OutboxRow[] = [];
  #next = 0;
  #goOn = true;
  #reading: Promise<Reading> | undefined;
  #mustRewind = true;
  #mustLook = true;
  /** Counts what may have parked a key; a reading knows only of what was before it. */
  #parkings = 0;
  #knownParkings = 0;
  #anyHeld = false;

  constructor(cursor: Cursor, tail?: LogTail) {
    this.#cursor = cursor;
    this.#tail = tail;
  }

  /** All is read again from the oldest row on. */
  rewind(): void {
    this.#mustRewind = true;
  }

  /** The table is to be looked at, whatever the log brings. */
  look(): void {
    this.#mustLook = true;
  }

  /** Some key may be held from now on. */
  noteParking(): void {
    this.#parkings++;
  }

  /** True when a row that was taken may belong to a key that is held. */
  get mayHold(): boolean {
    return this.#anyHeld || this.#parkings > this.#knownParkings;
  }

  /** True while rows arrive by themselves. */
  get isTailing(): boolean {
    return this.#tail?.isTrusted === true;
  }

  /** The next rows, in order per key. `onReading` learns what came beside them. */
  async take(
    options: ClaimOptions,
    buckets: ReadonlySet<number>,
    isAll: boolean,
    onReading: (reading: Reading) => void,
  ): Promise<OutboxRow[]> {
    if (this.#mustRewind) {
      this.#mustRewind = false;
      this.#mustLook = true;
      await this.#reading?.catch(() => undefined);
      this.#reading = undefined;
      this.#rows = [];
      this.#next = 0;
      this.#goOn = true;
      this.#cursor.rewind();
    }
    const read = () => this.#read(options, isAll ? undefined : buckets);
    let rows = this.#fromMemory(options, buckets);
    while (rows.length === 0) {
      if (!this.#mustLook && !this.#goOn && this.#tail?.isTrusted && this.#reading === undefined) {
        // Empty when nothing has arrived.
        this.#rows = this.#tail.take();
        this.#next = 0;
        rows = this.#fromMemory(options, buckets);
        break;
      }
      this.#mustLook = false;
      this.#reading ??= read();
      const reading = await this.#reading.finally(() => {
        this.#reading = undefined;
      });
      this.#rows = reading.rows;
      this.#next = 0;
      this.#goOn = reading.goOn;
      onReading(reading);
      this.#tail?.noteReading(this.#cursor.snapshot);
      rows = this.#fromMemory(options, buckets);
      if (!reading.goOn && !this.#tail?.isTrusted) break;
    }
    if (this.#goOn && this.#next === this.#rows.length && rows.length > 0) {
      this.#reading ??= read();
      // Whoever asks next hears of it.
      this.#reading.catch(() => undefined);
    }
    return rows;
  }

  async #read(options: ClaimOptions, buckets: ReadonlySet<number> | undefined): Promise<Reading> {
    const before = this.#parkings;
    const reading = await this.#cursor.read({
      buckets,
      exceptTopics: options.exceptTopics,
      maxBytes: options.maxBytes,
    });
    this.#knownParkings = before;
    this.#anyHeld = reading.anyHeld;
    return reading;
  }

  #fromMemory({ max, maxBytes, skip, exceptTopics }: ClaimOptions, buckets: ReadonlySet<number>): OutboxRow[] {
    const taken: OutboxRow[] = [];
    let bytes = 0;
    while (this.#next < this.#rows.length && taken.length < max && (bytes < maxBytes || taken.length === 0)) {
      const row = this.#rows[this.#next++]!;
      // What is left out here is read again: after a rest and with a new bucket all of it is.
      if (skip.has(row.position) || exceptTopics.has(row.topic) || !buckets.has(row.bucket)) continue;
      taken.push(row);
      bytes += row.event.length;
    }
    return taken;
  }
}
