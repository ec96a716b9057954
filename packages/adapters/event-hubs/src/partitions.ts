/**
 * One stretch of time in which this consumer reads one partition. Everything it handed over belongs to it, and ends with it:
 *
 *   claimed ──(first read answered)──► warm
 *      └──────────┴──(taken by another, link stolen, closed)──► over
 */
export class Tenure {
  readonly partition: string;
  /** Of its deliveries: the partition, with the hub before it where a receiver reads two. */
  readonly lane: string;
  /** Its first read has been answered, if only with nothing. */
  warm = false;
  /** The newest position written in this tenure. */
  acked = Number.NEGATIVE_INFINITY;
  /** The last write of a position; the next starts after it. */
  tail: Promise<unknown> = Promise.resolve();
  readonly #over = new AbortController();

  constructor(partition: string, lane: string) {
    this.partition = partition;
    this.lane = lane;
  }

  /** Aborts when it is over: the `lost` of all its deliveries. */
  get lost(): AbortSignal {
    return this.#over.signal;
  }

  end(): void {
    this.#over.abort();
  }
}

/** The partitions of one hub and group that this consumer reads now. */
export class Partitions {
  readonly #now = new Map<string, Tenure>();
  readonly #ended: (tenure: Tenure) => void;

  /** `ended` is told of each tenure, once, after its signal has aborted. */
  constructor(ended: (tenure: Tenure) => void) {
    this.#ended = ended;
  }

  begin(partition: string, lane: string): void {
    this.end(partition);
    this.#now.set(partition, new Tenure(partition, lane));
  }

  get(partition: string): Tenure | undefined {
    return this.#now.get(partition);
  }

  end(partition: string): void {
    const tenure = this.#now.get(partition);
    if (tenure === undefined) return;
    this.#now.delete(partition);
    tenure.end();
    this.#ended(tenure);
  }

  endAll(): void {
    for (const partition of [...this.#now.keys()]) this.end(partition);
  }

  get all(): readonly Tenure[] {
    return [...this.#now.values()];
  }
}
