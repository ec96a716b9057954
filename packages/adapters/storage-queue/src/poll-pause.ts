const FIRST_MS = 100;
/** Share of a pause that is random, so that idle consumers do not ask together. */
const JITTER = 0.25;

/** How long to wait before an idle queue is asked again: nothing after traffic, then from 100 ms doubling up to a limit. */
export class PollPause {
  readonly #maxMs: number;
  readonly #random: () => number;
  #ms = 0;

  constructor(maxMs: number, random: () => number = Math.random) {
    this.#maxMs = maxMs;
    this.#random = random;
  }

  /** Milliseconds; at most the limit. */
  get nextMs(): number {
    return Math.round(this.#ms * (1 - JITTER * this.#random()));
  }

  found(messages: number): void {
    this.#ms = messages > 0 ? 0 : Math.min(this.#maxMs, Math.max(FIRST_MS, this.#ms * 2));
  }
}
