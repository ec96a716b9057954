/** Time as an emulator sees it: milliseconds since 1970, and timers on that time. */
export interface Clock {
  now(): number;
  /** Calls once, at or after the moment; at the next turn when it has passed. */
  at(ms: number, call: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

/** A clock that can be moved forward; every timer that the move passes has been called, in order, when `advance` returns. */
export interface MovableClock extends Clock {
  advance(ms: number): void;
  /** Stops the real timer. Timers are not called any more, except by `advance`. */
  stop(): void;
}

/** Starts at the machine's time and runs with it, or stands still between moves when `frozenAt` is given. */
export function createClock(options: { readonly frozenAt?: number } = {}): MovableClock {
  let offset = 0;
  let stopped = options.frozenAt !== undefined;
  let wake: NodeJS.Timeout | undefined;
  let wakeAt = Number.POSITIVE_INFINITY;
  const timers = new TimerHeap();
  const base = options.frozenAt;
  const now = () => (base ?? Date.now()) + offset;

  const arm = () => {
    if (stopped) return;
    const next = timers.next() ?? Number.POSITIVE_INFINITY;
    if (next === wakeAt) return;
    clearTimeout(wake);
    wakeAt = next;
    if (next === Number.POSITIVE_INFINITY) return;
    wake = setTimeout(run, Math.min(Math.max(next - now(), 0), 0x7fffffff));
    wake.unref();
  };
  const run = () => {
    wakeAt = Number.POSITIVE_INFINITY;
    timers.fire(now());
    arm();
  };

  return {
    now,
    at(ms, call) {
      const timer = timers.add(ms, call);
      if (ms < wakeAt) arm();
      return timer;
    },
    advance(ms) {
      const end = now() + ms;
      // Timers set by timers must see the time that they are called at.
      for (let next = timers.next(); next !== undefined && next <= end; next = timers.next()) {
        if (next > now()) offset += next - now();
        timers.fire(now());
      }
      if (end > now()) offset += end - now();
      wakeAt = Number.POSITIVE_INFINITY;
      arm();
    },
    stop() {
      stopped = true;
      clearTimeout(wake);
    },
  };
}

interface Pending extends Timer {
  readonly at: number;
  readonly order: number;
  call: (() => void) | undefined;
}

/** A binary heap by (time, order of setting). Cancelled entries stay until they are half of it. */
class TimerHeap {
  private heap: Pending[] = [];
  private cancelled = 0;
  private order = 0;

  add(at: number, call: () => void): Timer {
    this.order += 1;
    const pending: Pending = {
      at,
      order: this.order,
      call,
      cancel: () => {
        if (pending.call === undefined) return;
        pending.call = undefined;
        this.cancelled += 1;
        if (this.cancelled > 1024 && this.cancelled > this.heap.length / 2) this.compact();
      },
    };
    this.push(pending);
    return pending;
  }

  next(): number | undefined {
    while (this.heap.length > 0 && this.heap[0]!.call === undefined) {
      this.pop();
      this.cancelled -= 1;
    }
    return this.heap[0]?.at;
  }

  fire(now: number): void {
    for (let at = this.next(); at !== undefined && at <= now; at = this.next()) {
      const pending = this.pop();
      const call = pending.call;
      // A cancel from now on is no longer in the heap, and must not be counted.
      pending.call = undefined;
      call?.();
    }
  }

  private compact(): void {
    const live = this.heap.filter(({ call }) => call !== undefined);
    this.heap = [];
    this.cancelled = 0;
    for (const pending of live) this.push(pending);
  }

  private push(pending: Pending): void {
    const heap = this.heap;
    let at = heap.length;
    heap.push(pending);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(pending, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = pending;
  }

  private pop(): Pending {
    const heap = this.heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

const before = (a: Pending, b: Pending) => a.at < b.at || (a.at === b.at && a.order < b.order);
