import type { Outcome } from "../spi/outcome.ts";

/** Answers the messages of one publish call, each at its place. */
export class Answers {
  readonly outcomes: Outcome[];
  readonly all: Promise<readonly Outcome[]>;
  /** Why some of them are tried again: what the broker answered last. */
  failure: unknown;
  /** Keys of which nothing more is sent; `undefined` where a refusal stops none. */
  readonly #stopped: Set<string> | undefined;
  #open: number;
  #resolve!: (outcomes: readonly Outcome[]) => void;

  constructor(count: number, stopKeys = false) {
    this.#open = count;
    this.#stopped = stopKeys ? new Set() : undefined;
    this.outcomes = new Array<Outcome>(count);
    this.all = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    if (count === 0) this.#resolve(this.outcomes);
  }

  get done(): boolean {
    return this.#open === 0;
  }

  /** Refuses the message at a place, and with `stopKeys` the later ones of its key. */
  refuse(index: number, key: string | undefined, error: unknown): void {
    if (key !== undefined) this.#stopped?.add(key);
    this.set(index, { ok: false, error });
  }

  /** Refuses all that have no answer yet. */
  refuseAll(error: unknown): void {
    for (let index = 0; index < this.outcomes.length; index++) this.set(index, { ok: false, error });
  }

  /** True when an earlier message of the key was refused. */
  stops(key: string | undefined): key is string {
    return key !== undefined && this.#stopped?.has(key) === true;
  }

  /** The first answer for a place counts. */
  set(index: number, outcome: Outcome): void {
    if (this.outcomes[index] !== undefined) return;
    this.outcomes[index] = outcome;
    if (--this.#open === 0) this.#resolve(this.outcomes);
  }
}
