import type { Clock } from "@waybill/core/spi";
import type { ClaimOptions, OutboxRow } from "../../store.ts";
import { Basket, type RawRow } from "./basket.ts";
import { covers, Gaps, type Range } from "./gaps.ts";
import { keyHash } from "./key-hash.ts";
import { NOW_MS } from "./now.ts";
import type { Rows, Session } from "./session.ts";

/** Rows of one statement that reads what may have come late. */
const LATE_CHUNK = 2_000;

/** What there is besides fresh rows. */
interface Look {
  readonly parked: boolean;
  readonly halted: boolean;
}

interface Late {
  /** Committed by now, in order. */
  readonly rows: RawRow[];
  /** Positions that have a row by now, committed or not. */
  readonly written: Set<number>;
  readonly old: readonly Range[];
  /** Positions beyond were not looked at. */
  upTo: number;
}

/**
 * Reads what may be published next: parked rows whose time has come, rows that committed late, fresh rows.
 *
 * Positions are given out before the commit, so a row can appear below others that have been read already. They are found by what is
 * missing: each claim reads on first, then asks a dirty read which of the missing positions have a row by now, then takes those that are
 * committed and gives them out before the fresh ones. Whoever writes later events of a key after an earlier one had committed finds them
 * in that order here: a fresh row that is seen has all its forerunners committed, and so seen by the later reading of the gaps.
 */
export class Claim {
  readonly #reader: Session;
  readonly #scout: Session;
  readonly #clock: Clock;
  readonly #gaps: Gaps;
  #last = 0;
  #averageBytes = 1_000;

  /** `scout` reads what is not committed. */
  constructor(reader: Session, scout: Session, clock: Clock) {
    this.#reader = reader;
    this.#scout = scout;
    this.#clock = clock;
    this.#gaps = new Gaps(clock.monotonic());
  }

  /** Where the next reading begins. */
  get last(): number {
    return this.#last;
  }

  /** A row may come late. */
  get isWaiting(): boolean {
    return !this.#gaps.isEmpty;
  }

  rewind(): void {
    this.#last = 0;
    this.#gaps.clear();
  }

  async rows(options: ClaimOptions, look: Look): Promise<readonly OutboxRow[]> {
    const basket = new Basket(options);
    if (look.parked) await this.#parked(basket, options);
    while (!basket.isFull) {
      const fresh = await this.#fresh(options);
      const late = await this.#late(options, fresh.absent);
      this.#take(basket, fresh.rows, late);
      if (fresh.isEnd || basket.rows.length > 0) break;
    }
    return look.parked || look.halted ? this.#behindHeldKeys(basket.rows) : basket.rows;
  }

  /** Puts late and fresh rows into the basket, in order of position, and notes what was passed. */
  #take(basket: Basket, fresh: readonly RawRow[], late: Late): void {
    const nowMs = this.#clock.monotonic();
    const taken = new Set<number>();
    const rows = late.rows.length === 0 ? fresh : [...late.rows, ...fresh].sort((a, b) => a[0] - b[0]);
    for (const row of rows) {
      const [pos] = row;
      if (basket.isFull || pos > late.upTo) break;
      // What two statements have both seen is taken once.
      if (taken.has(pos)) continue;
      if (late.written.has(pos)) taken.add(pos);
      if (pos > this.#last) this.#passed(pos, nowMs);
      basket.offer(row, false);
    }
    this.#gaps.review(late.written, taken, nowMs);
    for (const { from, to } of late.old) {
      if (to > this.#last) break;
      const inFlight = [...late.written].filter((pos) => pos >= from && pos <= to && !taken.has(pos));
      if (inFlight.length > 0) this.#gaps.add({ from: Math.min(...inFlight), to }, nowMs);
    }
  }

  /** Rows after the last one read, and what is missing between them. */
  async #fresh(options: ClaimOptions): Promise<{ rows: readonly RawRow[]; absent: readonly Range[]; isEnd: boolean }> {
    const limit = Math.max(1, Math.min(options.max, Math.ceil((2 * options.maxBytes) / this.#averageBytes)));
    const rows: RawRow[] = [];
    const absent: Range[] = [];
    let bytes = 0;
    let before = this.#last;
    let isCut = false;
    const [event, resting] =
      options.exceptTopics.size === 0
        ? ["event", []]
        : ["IF(topic IN (?), NULL, event)", [[...options.exceptTopics]] as const];
    await this.#reader.read(
      `SELECT pos, bucket, topic, msg_key, ${event} FROM outbox FORCE INDEX (PRIMARY) WHERE pos > ? ORDER BY pos LIMIT ?`,
      [...resting, this.#last, limit],
      (row) => {
        const raw = row as unknown as RawRow;
        if (raw[0] > before + 1) absent.push({ from: before + 1, to: raw[0] - 1 });
        before = raw[0];
        rows.push(raw);
        bytes += raw[4]?.length ?? 0;
        isCut = bytes >= options.maxBytes;
        return !isCut;
      },
    );
    if (rows.length > 0) this.#averageBytes = Math.max(100, bytes / rows.length);
    return { rows, absent, isEnd: !isCut && rows.length < limit };
  }

  /** The rows that have appeared in gaps, or in what is missing among the fresh ones although its time is over. */
  async #late(options: ClaimOptions, absent: readonly Range[]): Promise<Late> {
    const { settled } = this.#gaps;
    const old = absent
      .filter(({ from }) => from <= settled)
      .map(({ from, to }) => ({ from, to: Math.min(to, settled) }));
    const late: Late = { rows: [], written: new Set(), old, upTo: Number.POSITIVE_INFINITY };
    const ranges = this.#gaps.ranges(old);
    if (ranges.length === 0) return late;
    const where = `(${ranges.map(() => "pos BETWEEN ? AND ?").join(" OR ")})`;
    const bounds = ranges.flatMap(({ from, to }) => [from, to]);
    const isMissing = (pos: number) => this.#gaps.has(pos) || covers(old, pos);
    await this.#scout.read(`SELECT pos FROM outbox FORCE INDEX (PRIMARY) WHERE ${where}`, bounds, ([pos]) => {
      if (isMissing(pos as number)) late.written.add(pos as number);
      return true;
    });
    if (late.written.size === 0) return late;
    let after = 0;
    let bytes = 0;
    let seen: number;
    do {
      seen = 0;
      await this.#reader.read(
        `SELECT pos, bucket, topic, msg_key, event FROM outbox FORCE INDEX (PRIMARY) WHERE pos > ? AND ${where} ORDER BY pos LIMIT ?`,
        [after, ...bounds, LATE_CHUNK],
        (row) => {
          const raw = row as unknown as RawRow;
          seen++;
          after = raw[0];
          if (isMissing(after)) {
            late.written.add(after);
            late.rows.push(raw);
            bytes += raw[4]?.length ?? 0;
          }
          // There may be more: nothing beyond may go before it.
          if (late.rows.length >= options.max || bytes >= options.maxBytes) late.upTo = after;
          return late.upTo > after;
        },
      );
    } while (seen === LATE_CHUNK && late.upTo > after);
    return late;
  }

  /** Reading goes on after `pos`; what was not there before it, and not long ago, may still come. */
  #passed(pos: number, nowMs: number): void {
    const from = Math.max(this.#last, this.#gaps.settled) + 1;
    if (from < pos) this.#gaps.add({ from, to: pos - 1 }, nowMs);
    this.#last = pos;
    this.#gaps.reached(pos, nowMs);
  }

  async #parked(basket: Basket, options: ClaimOptions): Promise<void> {
    const columns = "pos, bucket, topic, msg_key, event, attempts, key_hash";
    const keys: Buffer[] = [];
    const offer = (row: readonly unknown[]) => {
      basket.offer(row as unknown as RawRow, true, row[5] as number);
      return !basket.isFull;
    };
    await this.#reader.read(
      `SELECT ${columns} FROM outbox_retry WHERE next_at <= ${NOW_MS} ORDER BY next_at, pos LIMIT ?`,
      [options.max + Math.min(options.skip.size, LATE_CHUNK)],
      (row) => {
        const [pos, , topic] = row as unknown as RawRow;
        if (options.skip.has(pos) || options.exceptTopics.has(topic)) return true;
        if (row[6] !== null) keys.push(row[6] as Buffer);
        return offer(row);
      },
    );
    if (keys.length === 0 || basket.isFull) return;
    // Those behind each come with it, so that a key does not move on by one row a claim.
    await this.#reader.read(
      `SELECT ${columns} FROM outbox_retry WHERE key_hash IN (?) AND next_at IS NULL ORDER BY pos LIMIT ?`,
      [keys, options.max],
      offer,
    );
  }

  /** Marks the fresh rows whose key is held up by one that is parked, or that halts it. */
  async #behindHeldKeys(rows: readonly OutboxRow[]): Promise<readonly OutboxRow[]> {
    const hashes = new Map<OutboxRow, Buffer>();
    for (const row of rows) if (!row.parked && row.key !== undefined) hashes.set(row, keyHash(row.topic, row.key));
    if (hashes.size === 0) return rows;
    const wanted = [...new Set([...hashes.values()].map((hash) => hash.toString("hex")))].map((hex) =>
      Buffer.from(hex, "hex"),
    );
    const found = await this.#reader.query<Rows<{ key_hash: Buffer }>>(
      `SELECT DISTINCT key_hash FROM outbox_retry WHERE key_hash IN (?)
       UNION SELECT key_hash FROM outbox_dead WHERE halts = 1 AND key_hash IN (?)`,
      [wanted, wanted],
    );
    const held = new Set(found.map((row) => row.key_hash.toString("hex")));
    return rows.map((row) => {
      const hash = hashes.get(row)?.toString("hex");
      return hash !== undefined && held.has(hash) ? { ...row, behind: true } : row;
    });
  }
}
