import { setMaxListeners } from "node:events";

/** The right of one reader to one lane, from assignment to revocation. Its signal is made when first asked for, and shared by all it delivers. */
export class Tenure {
  readonly lane: string;
  #over = false;
  #controller: AbortController | undefined;

  constructor(lane: string) {
    this.lane = lane;
  }

  get over(): boolean {
    return this.#over;
  }

  get lost(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      // Every handler at work on the lane may listen.
      setMaxListeners(0, this.#controller.signal);
      if (this.#over) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  end(): void {
    this.#over = true;
    this.#controller?.abort();
  }
}
