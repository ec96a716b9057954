/** What a `receive` with nothing to hand over waits for. One wait at a time. */
export class Arrival {
  #end: (() => void) | undefined;

  /** Something has arrived, or an error has to be told. */
  tell(): void {
    this.#end?.();
  }

  /** Resolves when it is told so, when `signal` aborts, and after `waitMs` milliseconds. */
  wait(signal: AbortSignal, waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        this.#end = undefined;
        resolve();
      };
      const timer = setTimeout(end, waitMs);
      signal.addEventListener("abort", end, { once: true });
      this.#end = end;
    });
  }
}
