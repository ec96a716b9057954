import type { OutboxRow } from "../store.ts";

/** The rows of one key in memory, in order; the first `taken` of them are in a call of the publisher, or have failed in one. */
class Lane {
  readonly rows: OutboxRow[] = [];
  taken = 0;
}

/**
 * The rows that a relay holds in memory, each waiting or taken. While a row of a key is taken no other call gets one of that key, so that
 * no two tries of one key can overtake each other.
 */
export class Window {
  /** Of each topic what may be taken: lanes of which nothing is, and rows without a key. */
  readonly #ready = new Map<string, (Lane | OutboxRow)[]>();
  readonly #lanes = new Map<string, Map<string, Lane>>();
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
    if (row.key === undefined) {
      this.#makeReady(row.topic, row);
      return;
    }
    let lanes = this.#lanes.get(row.topic);
    if (lanes === undefined) {
      lanes = new Map();
      this.#lanes.set(row.topic, lanes);
    }
    let lane = lanes.get(row.key);
    if (lane === undefined) {
      lane = new Lane();
      lanes.set(row.key, lane);
      this.#makeReady(row.topic, lane);
    }
    lane.rows.push(row);
  }

  /** Takes up to `max` rows of one topic, the topics in turn, at most so many of each key. Empty when none is ready. */
  take(max: number, maxOfKey: (topic: string) => number): readonly OutboxRow[] {
    const [entry] = this.#ready;
    if (entry === undefined) return [];
    const [topic, ready] = entry;
    const ofKey = maxOfKey(topic);
    const taken: OutboxRow[] = [];
    let next = 0;
    while (next < ready.length && taken.length < max) {
      const one = ready[next++]!;
      if (!(one instanceof Lane)) {
        taken.push(one);
        continue;
      }
      one.taken = Math.min(one.rows.length, ofKey, max - taken.length);
      for (let i = 0; i < one.taken; i++) taken.push(one.rows[i]!);
    }
    this.#ready.delete(topic);
    if (next < ready.length) this.#ready.set(topic, ready.slice(next));
    return taken;
  }

  /** A taken row is finished with. */
  finish(row: OutboxRow): void {
    this.#forget(row);
    const lane = this.#laneOf(row);
    if (lane === undefined) return;
    if (lane.rows[0] === row) lane.rows.shift();
    else lane.rows.splice(lane.rows.indexOf(row), 1);
    this.#untake(row, lane);
  }

  /** A taken row waits again, behind a taken one of its key that is earlier. */
  giveBack(row: OutboxRow): void {
    const lane = this.#laneOf(row);
    if (lane !== undefined) this.#untake(row, lane);
  }

  /** The rows that wait behind a taken one. */
  behind(row: OutboxRow): readonly OutboxRow[] {
    const lane = this.#laneOf(row);
    return lane === undefined ? [] : lane.rows.slice(lane.rows.indexOf(row) + 1);
  }

  /** A taken row and those behind it leave. Answers them. */
  dropKey(row: OutboxRow): readonly OutboxRow[] {
    const lane = this.#laneOf(row);
    const at = lane?.rows.indexOf(row) ?? 0;
    // It has left already, with an earlier one.
    if (at < 0 || (lane === undefined && row.key !== undefined)) return [];
    const dropped = lane?.rows.splice(at) ?? [row];
    for (const one of dropped) this.#forget(one);
    if (lane !== undefined) {
      lane.taken = Math.min(lane.taken, at);
      if (at === 0) this.#removeLane(row);
    }
    return dropped;
  }

  /** All rows leave that match and are not taken. What matches must not differ within one key. Answers them. */
  dropIdle(matches: (row: OutboxRow) => boolean): readonly OutboxRow[] {
    const dropped: OutboxRow[] = [];
    const stays = (one: Lane | OutboxRow) => !matches(one instanceof Lane ? one.rows[0]! : one);
    for (const [topic, ready] of this.#ready) {
      const kept = ready.filter(stays);
      if (kept.length === ready.length) continue;
      for (const one of ready) if (!(one instanceof Lane) && !stays(one)) dropped.push(one);
      if (kept.length === 0) this.#ready.delete(topic);
      else this.#ready.set(topic, kept);
    }
    for (const lanes of this.#lanes.values()) {
      for (const lane of lanes.values()) {
        const [first] = lane.rows;
        if (!matches(first!)) continue;
        dropped.push(...lane.rows.splice(lane.taken));
        if (lane.taken === 0) this.#removeLane(first!);
      }
    }
    for (const row of dropped) this.#forget(row);
    return dropped;
  }

  #untake(row: OutboxRow, lane: Lane): void {
    lane.taken--;
    if (lane.rows.length === 0) this.#removeLane(row);
    else if (lane.taken === 0) this.#makeReady(row.topic, lane);
  }

  #makeReady(topic: string, one: Lane | OutboxRow): void {
    const ready = this.#ready.get(topic);
    if (ready === undefined) this.#ready.set(topic, [one]);
    else ready.push(one);
  }

  #laneOf({ topic, key }: OutboxRow): Lane | undefined {
    return key === undefined ? undefined : this.#lanes.get(topic)?.get(key);
  }

  #removeLane({ topic, key }: OutboxRow): void {
    const lanes = this.#lanes.get(topic)!;
    lanes.delete(key!);
    if (lanes.size === 0) this.#lanes.delete(topic);
  }

  #forget(row: OutboxRow): void {
    this.#size--;
    this.#bytes -= row.event.length;
  }
}
