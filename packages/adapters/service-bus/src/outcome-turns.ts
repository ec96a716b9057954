/**
 * Lets one kind of outcome at a time onto the wire. rhea, under the SDK, writes two settlements of one tick and consecutive numbers as one
 * range with the first one's outcome: a message that was to be abandoned is completed with its neighbour, and lost, and both calls resolve.
 * Source: rhea 3.0.5, lib/session.js, write_dispositions.
 */
export class OutcomeTurns {
  #tail: Promise<unknown> = Promise.resolve();

  /** Begins `calls`, which must all tell the same outcome, in a turn of the event loop that no other calls share. Resolves like `Promise.allSettled`. */
  async run<T>(calls: readonly (() => Promise<T>)[]): Promise<PromiseSettledResult<T>[]> {
    const before = this.#tail;
    let written: () => void = () => undefined;
    this.#tail = new Promise<void>((resolve) => {
      written = resolve;
    });
    await before;
    // The SDK reaches rhea within microtasks, and rhea writes in the next tick: both are over by then.
    setImmediate(written);
    return Promise.allSettled(calls.map((call) => call()));
  }
}
