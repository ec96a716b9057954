import type { OutboxRow } from "../store.ts";

/** The rows of one key in memory: the first is ready, in flight or failed, the others wait for it. */
interface Lane {
  head: OutboxRow;
  readonly waiting: OutboxRow[];
}

/**
 * The rows that a relay holds in memory, each `ready`, waiting behind an earlier one of its key, or taken. Of one key at most one is
 * ready or taken, so that no two tries of one key can overtake each other.
 */
export class Window {
  readonly #ready = new Map<string, OutboxRow[]>();
  readonly #lanes = new Map<string, Lane>();
  /** Rows in here, not yet published. */
  #size = 0;
  #bytes = 0;

  get size(): number {
    return this.#size;
  }

  /** Of event text. */
  get bytes(): number {
    return this.#bytes;
  }

  add(row: OutboxRow): void {
    this.#size++;
    this.#bytes += row.event.length;
    const name = laneOf(row);
    const lane = name === undefined ? undefined : this.#lanes.get(name);
    if (lane !== undefined) {
      lane.waiting.push(row);
      return;
    }
    if (name !== undefined) this.#lanes.set(name, { head: row, waiting: [] });
    this.#makeReady(row);
  }

  /** Takes up to `max` ready rows of one topic, the topics in turn. Empty when none is ready. */
  take(max: number): readonly OutboxRow[] {
    const [entry] = this.#ready;
    if (entry === undefined) return [];
    const [topic, rows] = entry;
    this.#ready.delete(topic);
    if (rows.length > max) this.#ready.set(topic, rows.splice(max));
    return rows;
  }

  /** A taken row is finished with; the next of its key becomes ready. */
  finish(row: OutboxRow): void {
    this.#forget(row);
    const name = laneOf(row);
    if (name === undefined) return;
    const lane = this.#lanes.get(name);
    const next = lane?.waiting.shift();
    if (lane === undefined || next === undefined) this.#lanes.delete(name);
    else {
      lane.head = next;
      this.#makeReady(next);
    }
  }

  /** The rows that wait behind a taken one. */
  behind(row: OutboxRow): readonly OutboxRow[] {
    const name = laneOf(row);
    return (name === undefined ? undefined : this.#lanes.get(name)?.waiting) ?? [];
  }

  /** A taken row and those behind it leave. Answers them. */
  dropKey(row: OutboxRow): readonly OutboxRow[] {
    const dropped = [row, ...this.behind(row)];
    for (const one of dropped) this.#forget(one);
    const name = laneOf(row);
    if (name !== undefined) this.#lanes.delete(name);
    return dropped;
  }

  /** All rows leave that match and are not taken. What matches must not differ within one key. Answers them. */
  dropIdle(matches: (row: OutboxRow) => boolean): readonly OutboxRow[] {
    const dropped: OutboxRow[] = [];
    for (const [topic, rows] of this.#ready) {
      const kept = rows.filter((row) => !matches(row));
      if (kept.length === rows.length) continue;
      dropped.push(...rows.filter(matches));
      if (kept.length === 0) this.#ready.delete(topic);
      else this.#ready.set(topic, kept);
    }
    const idle = new Set(dropped);
    for (const [name, lane] of this.#lanes) {
      if (!matches(lane.head)) continue;
      dropped.push(...lane.waiting.splice(0));
      if (idle.has(lane.head)) this.#lanes.delete(name);
    }
    for (const row of dropped) this.#forget(row);
    return dropped;
  }

  #makeReady(row: OutboxRow): void {
    const rows = this.#ready.get(row.topic);
    if (rows === undefined) this.#ready.set(row.topic, [row]);
    else rows.push(row);
  }

  #forget(row: OutboxRow): void {
    this.#size--;
    this.#bytes -= row.event.length;
  }
}

/** The name of a row's key in its topic; `undefined` where no order is asked for. Unambiguous for any strings. */
function laneOf(row: OutboxRow): string | undefined {
  return row.key === undefined ? undefined : `${row.topic.length}:${row.topic}${row.key}`;
}
