import type { WorkState } from "./work-state.ts";

/** What a lane keeps of each delivery. */
export interface InLane<W> {
  readonly bytes: number;
  state: WorkState;
  /** Neighbours in the lane, in arrival order. */
  previous: W | undefined;
  next: W | undefined;
  /** The next event of the same key. */
  nextOfKey: W | undefined;
}

/**
 * One unit of order: a partition or session, or everything of a source that has none. It knows which of its deliveries may run now, how
 * many wait behind others, and up to where all are finished (the watermark).
 */
export class Lane<W extends InLane<W>> {
  readonly id: string | undefined;
  readonly lost: AbortSignal | undefined;
  /** In arrival order, up to the newest; what is finished leaves at the watermark (`upTo`) or at once (`each`). */
  first: W | undefined;
  last: W | undefined;
  /** Deliveries between the watermark and the newest, finished ones included. */
  length = 0;
  blocked = 0;
  blockedBytes = 0;
  paused = false;
  onLost: (() => void) | undefined;
  /** The last delivery that the watermark has passed and that the broker has not been told. */
  passed: W | undefined;
  /** The newest event of each key that is in this process; only the oldest of a key may be at work. */
  readonly #keys = new Map<string, W>();
  /** Keys of which none runs any more. */
  readonly #halted = new Set<string>();
  #ready: W[] = [];
  #readyFrom = 0;

  constructor(id: string | undefined, lost: AbortSignal | undefined) {
    this.id = id;
    this.lost = lost;
  }

  get ready(): number {
    return this.#ready.length - this.#readyFrom;
  }

  /** Takes a delivery in; with `key`, it waits behind earlier ones of that key. Answers whether it may run now. */
  add(work: W, key: string | undefined): boolean {
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
  takeReady(): W | undefined {
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
  park(work: W): void {
    this.#block(work, "parked");
  }

  /** A parked delivery may run again. */
  unpark(work: W): void {
    this.#unblock(work);
    this.#ready.push(work);
  }

  /** A parked delivery is at work again, without a handler. */
  resume(work: W): void {
    this.#unblock(work);
    work.state = "running";
  }

  /** The next of its key may run now and is answered; with `halt`, none of that key runs any more. */
  releaseKey(work: W, key: string | undefined, halt: boolean): W | undefined {
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
  remove(work: W): void {
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
  advance(): W | undefined {
    let passed: W | undefined;
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

  *works(): Generator<W> {
    for (let work = this.first; work !== undefined; ) {
      const next: W | undefined = work.next;
      yield work;
      work = next;
    }
  }

  /** It no longer counts as waiting; called when a blocked or parked delivery leaves another way. */
  forget(work: W): void {
    if (work.state === "blocked" || work.state === "parked") this.#unblock(work);
    work.state = "gone";
  }

  #block(work: W, state: "blocked" | "parked"): void {
    work.state = state;
    this.blocked++;
    this.blockedBytes += work.bytes;
  }

  #unblock(work: W): void {
    work.state = "ready";
    this.blocked--;
    this.blockedBytes -= work.bytes;
  }
}
