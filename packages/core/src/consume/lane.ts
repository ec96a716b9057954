import type { Work } from "./work.ts";

/**
 * One unit of order: a partition or session, or everything of a source that has none. It knows which of its deliveries may run now, how
 * many wait behind others, and up to where all are finished (the watermark).
 */
export class Lane {
  readonly id: string | undefined;
  readonly lost: AbortSignal | undefined;
  /** In arrival order, up to the newest; what is finished leaves at the watermark (`upTo`) or at once (`each`). */
  first: Work | undefined;
  last: Work | undefined;
  /** Deliveries between the watermark and the newest, finished ones included. */
  length = 0;
  blocked = 0;
  blockedBytes = 0;
  paused = false;
  onLost: (() => void) | undefined;
  /** The last delivery that the watermark has passed and that the broker has not been told. */
  passed: Work | undefined;
  /** The newest event of each key that is in this process; only the oldest of a key may be at work. */
  readonly #keys = new Map<string, Work>();
  /** Keys of which none runs any more. */
  readonly #halted = new Set<string>();
  #ready: Work[] = [];
  #readyFrom = 0;

  constructor(id: string | undefined, lost: AbortSignal | undefined) {
    this.id = id;
    this.lost = lost;
  }

  get ready(): number {
    return this.#ready.length - this.#readyFrom;
  }

  /** Takes a delivery in; with `key`, it waits behind earlier ones of that key. Answers whether it may run now. */
  add(work: Work, key: string | undefined): boolean {
    work.previous = this.last;
    if (this.last === undefined) this.first = work;
    else this.last.next = work;
    this.last = work;
    this.length++;
    const newest = key === undefined ? undefined : this.#keys.get(key);
    if (key !== undefined) this.#keys.set(key, work);
    if (newest === undefined) {
      this.#ready.push(work);
      return true;
    }
    newest.nextOfKey = work;
    this.#block(work, "blocked");
    return false;
  }

  /** The next delivery that may run. */
  takeReady(): Work | undefined {
    while (this.#readyFrom < this.#ready.length) {
      const work = this.#ready[this.#readyFrom++]!;
      if (this.#readyFrom === this.#ready.length) {
        this.#ready = [];
        this.#readyFrom = 0;
      }
      if (work.state === "ready") return work;
    }
    return undefined;
  }

  /** Its next attempt comes later in this process. It stays head of its key. */
  park(work: Work): void {
    this.#block(work, "parked");
  }

  /** A parked delivery may run again. */
  unpark(work: Work): void {
    this.#unblock(work);
    this.#ready.push(work);
  }

  /** A parked delivery is at work again, without a handler. */
  resume(work: Work): void {
    this.#unblock(work);
    work.state = "running";
  }

  /** The next of its key may run now and is answered; with `halt`, none of that key runs any more. */
  releaseKey(work: Work, key: string | undefined, halt: boolean): Work | undefined {
    if (key === undefined || this.#halted.has(key) || !this.#keys.has(key)) return undefined;
    if (halt) {
      // The head keeps its place: all that come later go behind it and stay blocked.
      this.#halted.add(key);
      return undefined;
    }
    let next = work.nextOfKey;
    work.nextOfKey = undefined;
    while (next?.state === "gone") next = next.nextOfKey;
    if (next === undefined) {
      this.#keys.delete(key);
      return undefined;
    }
    this.#unblock(next);
    this.#ready.push(next);
    return next;
  }

  /** Takes a finished delivery out of the list at once: for sources that settle each. */
  remove(work: Work): void {
    if (work.previous === undefined && this.first !== work) return;
    if (work.previous === undefined) this.first = work.next;
    else work.previous.next = work.next;
    if (work.next === undefined) this.last = work.previous;
    else work.next.previous = work.previous;
    work.previous = undefined;
    work.next = undefined;
    this.length--;
  }

  /** Moves the watermark over everything finished at the front; answers the last one passed. */
  advance(): Work | undefined {
    let passed: Work | undefined;
    while (this.first?.state === "finished") {
      passed = this.first;
      this.first = passed.next;
      if (this.first === undefined) this.last = undefined;
      else this.first.previous = undefined;
      passed.next = undefined;
      this.length--;
    }
    return passed;
  }

  *works(): Generator<Work> {
    for (let work = this.first; work !== undefined; ) {
      const next: Work | undefined = work.next;
      yield work;
      work = next;
    }
  }

  /** It no longer counts as waiting; called when a blocked or parked delivery leaves another way. */
  forget(work: Work): void {
    if (work.state === "blocked" || work.state === "parked") this.#unblock(work);
    work.state = "gone";
  }

  #block(work: Work, state: "blocked" | "parked"): void {
    work.state = state;
    this.blocked++;
    this.blockedBytes += work.bytes;
  }

  #unblock(work: Work): void {
    work.state = "ready";
    this.blocked--;
    this.blockedBytes -= work.bytes;
  }
}
