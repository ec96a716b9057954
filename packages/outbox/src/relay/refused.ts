import type { OutboxRow, Positions } from "../store.ts";

/** Of one topic. More that are refused are tried again as they come. */
const MAX = 20_000;

interface Rows {
  readonly positions: Set<number>;
  readonly keys: Set<string>;
}

/**
 * The rows that were refused when nothing of their topic came through. Whether that was their fault is not known until another comes
 * through, so others go first in the next try: a few bad rows at the head must not keep a topic resting for ever. Their keys wait with them.
 */
export class Refused {
  readonly #rows = new Map<string, Rows>();
  readonly #blamed = new Map<string, ReadonlySet<number>>();

  get topics(): Iterable<string> {
    return [...this.#rows.keys()];
  }

  add({ topic, position, key }: OutboxRow): void {
    let rows = this.#rows.get(topic);
    if (rows === undefined) {
      rows = { positions: new Set(), keys: new Set() };
      this.#rows.set(topic, rows);
    }
    if (rows.positions.size >= MAX) return;
    rows.positions.add(position);
    if (key !== undefined) rows.keys.add(key);
  }

  /** Those that a claim leaves out, beside `others`. */
  with(others: Positions): Positions {
    if (this.#rows.size === 0) return others;
    const lists = [...this.#rows.values()].map(({ positions }) => positions);
    return {
      size: lists.reduce((sum, { size }) => sum + size, others.size),
      has: (position) => others.has(position) || lists.some((positions) => positions.has(position)),
    };
  }

  /** True for a later row of their keys. */
  holds({ topic, key }: OutboxRow): boolean {
    return key !== undefined && this.#rows.get(topic)?.keys.has(key) === true;
  }

  /** True for a row that was refused while another came through: if it is again, that is its own fault. */
  isBlamed({ topic, position }: OutboxRow): boolean {
    return this.#blamed.get(topic)?.has(position) === true;
  }

  /** Another row came through. True when there were any; all of them are read again. */
  blame(topic: string): boolean {
    const rows = this.#rows.get(topic);
    if (rows === undefined) return false;
    this.#blamed.set(topic, rows.positions);
    return this.#rows.delete(topic);
  }

  /** They are tried again like any other. True when there were any; all of them are read again. */
  forget(topic: string): boolean {
    return this.#rows.delete(topic);
  }

  clear(): void {
    this.#rows.clear();
    this.#blamed.clear();
  }
}
