import { eventGridErrors } from "./errors.ts";

interface Part {
  close(): Promise<void>;
}

/** How long one sender or receiver lives: until it is closed, or its adapter is. */
export interface Life {
  readonly signal: AbortSignal;
  /** Ends its calls, and the adapter forgets it. */
  end(): void;
}

/** The senders and receivers of one adapter that are open. */
export class Parts {
  readonly closed: AbortSignal;
  readonly #closing = new AbortController();
  readonly #open = new Set<Part>();

  constructor() {
    this.closed = this.#closing.signal;
  }

  add<T extends Part>(make: (life: Life) => T, what: string): T {
    const life = new AbortController();
    const stop = () => life.abort(eventGridErrors.WB_EVENT_GRID_CLOSED({ what }));
    this.closed.addEventListener("abort", stop, { once: true });
    const part = make({
      signal: life.signal,
      end: () => {
        this.#open.delete(part);
        this.closed.removeEventListener("abort", stop);
        stop();
      },
    });
    this.#open.add(part);
    return part;
  }

  async close(): Promise<void> {
    // First the parts: what they have in hand goes back while calls still go out.
    await Promise.all([...this.#open].map((part) => part.close()));
    this.#closing.abort(eventGridErrors.WB_EVENT_GRID_CLOSED({ what: "adapter" }));
  }
}
