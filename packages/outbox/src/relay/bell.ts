/** Lets the relay's loop sleep until something rings. A ring while it is awake is kept. */
export class Bell {
  #rung = false;
  #sleeper: AbortController | undefined;

  ring(): void {
    this.#rung = true;
    this.#sleeper?.abort();
  }

  /** Runs `sleep` until it ends by itself or its signal aborts because of a ring. Returns at once after an earlier ring. */
  async rest(sleep: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (!this.#rung) {
      this.#sleeper = new AbortController();
      try {
        await sleep(this.#sleeper.signal);
      } finally {
        this.#sleeper = undefined;
      }
    }
    this.#rung = false;
  }
}
