/** Positions from `from` to `to`, both included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

interface Gap extends Range {
  readonly sinceMs: number;
}

/** So long after its position was passed, a row that not even a dirty read shows is taken for rolled back. */
const GRACE_MS = 2_000;
/** One statement looks at no more ranges; near ones are joined. */
const MAX_RANGES = 64;

/**
 * The positions that were passed without a row: rolled back, or a transaction that has not committed yet. A statement takes its
 * positions before it writes its rows, so one that is nowhere to be seen is kept for a while too.
 */
export class Gaps {
  /** In order of position, never overlapping. */
  #gaps: Gap[] = [];
  #highest = 0;
  /** Two looks at the highest position: what lies below the older one was given out long enough ago. */
  #sample: { pos: number; atMs: number };
  #settled = 0;

  constructor(nowMs: number) {
    this.#sample = { pos: 0, atMs: nowMs };
  }

  get isEmpty(): boolean {
    return this.#gaps.length === 0;
  }

  /** Every position up to here was taken long ago: a row that does not even show in a dirty read will never come. */
  get settled(): number {
    return this.#settled;
  }

  /** Positions up to `pos` exist at `nowMs`. */
  reached(pos: number, nowMs: number): void {
    this.#highest = Math.max(this.#highest, pos);
    if (nowMs - this.#sample.atMs < GRACE_MS) return;
    this.#settled = this.#sample.pos;
    this.#sample = { pos: this.#highest, atMs: nowMs };
  }

  /** Must not overlap those there are. */
  add(range: Range, nowMs: number): void {
    const isNext = (this.#gaps.at(-1)?.to ?? 0) < range.from;
    this.#gaps.push({ ...range, sinceMs: nowMs });
    if (!isNext) this.#gaps.sort((a, b) => a.from - b.from);
  }

  /** Reading begins anew: what is missing will be passed once more. */
  clear(): void {
    this.#gaps = [];
  }

  has(pos: number): boolean {
    return covers(this.#gaps, pos);
  }

  /** What one statement has to look at: all gaps and `more`, and perhaps some positions between them. */
  ranges(more: readonly Range[] = []): readonly Range[] {
    return joined([...this.#gaps, ...more].sort((a, b) => a.from - b.from));
  }

  /**
   * After a look: `written` are the positions that a dirty read showed, `taken` those whose rows have come meanwhile. What was not written
   * after its time is forgotten; of what was, all that follows in its gap is kept, since one statement writes its rows in order.
   */
  review(written: ReadonlySet<number>, taken: ReadonlySet<number>, nowMs: number): void {
    const inFlight = ordered([...written].filter((pos) => !taken.has(pos)));
    const gone = ordered([...taken]);
    const kept: Gap[] = [];
    for (const gap of this.#gaps) {
      const isYoung = nowMs - gap.sinceMs < GRACE_MS;
      const from = isYoung ? gap.from : within(inFlight, gap)[0];
      if (from === undefined) continue;
      const rest = { ...gap, from };
      const holes = within(gone, rest).map((pos) => ({ from: pos, to: pos }));
      if (holes.length === 0) kept.push(rest);
      else kept.push(...without(rest, holes));
    }
    this.#gaps = kept;
  }
}

const ordered = (positions: number[]): readonly number[] => positions.sort((a, b) => a - b);

/** Those of `positions`, which are in order, that lie in `range`. */
function within(positions: readonly number[], range: Range): readonly number[] {
  let low = 0;
  let high = positions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (positions[middle]! < range.from) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (end < positions.length && positions[end]! <= range.to) end++;
  return positions.slice(low, end);
}

/** True when `pos` lies in one of `ranges`, which are in order. */
export function covers(ranges: readonly Range[], pos: number): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle]!;
    if (pos < range.from) high = middle - 1;
    else if (pos > range.to) low = middle + 1;
    else return true;
  }
  return false;
}

/** The parts of `gap` that none of `others` covers. */
function without(gap: Gap, others: readonly Range[]): Gap[] {
  const parts: Gap[] = [];
  let { from } = gap;
  for (const other of others) {
    if (other.to < from || other.from > gap.to) continue;
    if (other.from > from) parts.push({ ...gap, from, to: other.from - 1 });
    from = Math.max(from, other.to + 1);
  }
  if (from <= gap.to) parts.push({ ...gap, from });
  return parts;
}

/** Joins the nearest neighbours until few enough are left. */
function joined(ranges: readonly Range[]): readonly Range[] {
  if (ranges.length <= MAX_RANGES) return ranges;
  const distances = ranges.slice(1).map((range, i) => range.from - ranges[i]!.to);
  const widest = [...distances].sort((a, b) => b - a)[MAX_RANGES - 1]!;
  const few: Range[] = [];
  for (const [i, range] of ranges.entries()) {
    const last = few.at(-1);
    const apart = i > 0 && distances[i - 1]! > widest;
    if (last === undefined || (apart && few.length < MAX_RANGES)) few.push(range);
    else few[few.length - 1] = { from: last.from, to: Math.max(last.to, range.to) };
  }
  return few;
}
