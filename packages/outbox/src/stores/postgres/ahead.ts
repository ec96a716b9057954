import type { ClaimOptions, OutboxRow, Positions } from "../../store.ts";
import type { ReadRow } from "./copy-rows.ts";
import type { Cursor, Reading } from "./cursor.ts";
import type { LogTail } from "./log-tail.ts";

/** What a long event counts for until it is fetched. */
const LONG_BYTES = 1024 * 1024;

/**
 * Rows read before they are asked for: while the relay publishes what one reading brought, the server works on the next. With the tail of
 * the log, what that brings comes first, as soon as the table has been read up to where it begins.
 */
export class Ahead {
  readonly #cursor: Cursor;
  readonly #tail: LogTail | undefined;
  readonly #onReading: (reading: Reading) => void;
  #rows: readonly ReadRow[] = [];
  #next = 0;
  #goOn = true;
  #reading: Promise<Reading> | undefined;
  #mustRewind = true;
  #mustLook = true;
  /** Counts what may have parked a key; a reading knows only of what was before it. */
  #parkings = 0;
  #knownParkings = 0;
  #anyHeld = false;

  /** `onReading` learns what came beside the rows of each reading. */
  constructor(cursor: Cursor, tail: LogTail | undefined, onReading: (reading: Reading) => void) {
    this.#cursor = cursor;
    this.#tail = tail;
    this.#onReading = onReading;
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

  /** True while a commit is known of whose rows are not to be seen yet. */
  get isWaiting(): boolean {
    return this.#tail?.isWaiting === true;
  }

  /**
   * Takes in a reading that was begun ahead. Every claim begins with it: rows that the relay holds at that moment are left out, and by the
   * next but one it may have forgotten those which were removed since.
   */
  async absorb(skip: Positions): Promise<void> {
    const reading = await this.#reading?.finally(() => {
      this.#reading = undefined;
    });
    if (reading !== undefined) this.#keep(reading, skip);
  }

  /** The next rows, in order per key. */
  async take(options: ClaimOptions, buckets: ReadonlySet<number>, isAll: boolean): Promise<OutboxRow[]> {
    if (this.#mustRewind) {
      this.#mustRewind = false;
      this.#mustLook = true;
      this.#rows = [];
      this.#next = 0;
      this.#goOn = true;
      this.#cursor.rewind();
    }
    const read = () => this.#read(options, isAll ? undefined : buckets);
    let rows = this.#fromMemory(options, buckets);
    while (rows.length === 0) {
      if (!this.#mustLook && !this.#goOn && this.#tail?.isTrusted) {
        // Empty when nothing has arrived.
        this.#rows = (await this.#tail.take()).filter(({ position }) => !options.skip.has(position));
        this.#next = 0;
        rows = this.#fromMemory(options, buckets);
        break;
      }
      this.#mustLook = false;
      this.#keep(await read(), options.skip);
      rows = this.#fromMemory(options, buckets);
      if (!this.#goOn && !this.#tail?.isTrusted) break;
    }
    const complete = await this.#cursor.complete(rows);
    if (this.#goOn && this.#next === this.#rows.length && rows.length > 0) {
      this.#reading = read();
      // Whoever asks next hears of it.
      this.#reading.catch(() => undefined);
    }
    return complete;
  }

  #keep({ rows, goOn }: Reading, skip: Positions): void {
    this.#rows = rows.filter(({ position }) => !skip.has(position));
    this.#next = 0;
    this.#goOn = goOn;
    this.#tail?.noteReading(this.#cursor.snapshot);
  }

  async #read(options: ClaimOptions, buckets: ReadonlySet<number> | undefined): Promise<Reading> {
    const before = this.#parkings;
    const reading = await this.#cursor.read({
      buckets,
      exceptTopics: options.exceptTopics,
    });
    this.#knownParkings = before;
    this.#anyHeld = reading.anyHeld;
    this.#onReading(reading);
    return reading;
  }

  #fromMemory({ max, maxBytes, exceptTopics }: ClaimOptions, buckets: ReadonlySet<number>): ReadRow[] {
    const taken: ReadRow[] = [];
    let bytes = 0;
    while (this.#next < this.#rows.length && taken.length < max && (bytes < maxBytes || taken.length === 0)) {
      const row = this.#rows[this.#next++]!;
      // What is left out here is read again: after a rest and with a new bucket all of it is.
      if (exceptTopics.has(row.topic) || !buckets.has(row.bucket)) continue;
      taken.push(row);
      bytes += row.event?.length ?? LONG_BYTES;
    }
    return taken;
  }
}
