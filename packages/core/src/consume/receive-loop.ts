import { type Clock, sleep } from "../clock.ts";
import type { Receiver } from "../spi/adapter.ts";
import type { Delivery } from "../spi/delivery.ts";
import type { Lanes } from "./lanes.ts";

export interface ReceiveLoopOptions {
  readonly receiver: Receiver;
  readonly lanes: Lanes;
  readonly clock: Clock;
  /** At least one. */
  readonly accept: (deliveries: readonly Delivery[]) => void;
  /** A receive has brought nothing, and was not broken off. */
  readonly idle: () => void;
  readonly failed: (error: unknown) => void;
}

const FIRST_BACKOFF_MS = 100;
/** Also the longest that consuming stays away after an outage, beside what the try itself takes. */
const MAX_BACKOFF_MS = 5_000;

/**
 * Receives as long as there is room, and yields to the event loop once a round. When the broker fails it waits 100 ms before the next try, and twice as long each time,
 * up to 5 s.
 */
export class ReceiveLoop {
  readonly #o: ReceiveLoopOptions;
  readonly #stop = new AbortController();
  #paused = false;
  #wake: (() => void) | undefined;
  #receiving: AbortController | undefined;
  readonly #done: Promise<void>;

  constructor(options: ReceiveLoopOptions) {
    this.#o = options;
    this.#done = this.#run();
  }

  pause(): void {
    this.#paused = true;
    this.#receiving?.abort();
  }

  resume(): void {
    this.#paused = false;
    this.#wake?.();
  }

  /** There is room again. `unpaused`: a receive under way still leaves a lane out that may go on. */
  roomy(unpaused: boolean): void {
    if (unpaused) this.#receiving?.abort();
    this.#wake?.();
  }

  /** Resolves when no receive is under way and none will be. */
  stop(): Promise<void> {
    this.#stop.abort();
    this.#receiving?.abort();
    this.#wake?.();
    return this.#done;
  }

  async #run(): Promise<void> {
    const { receiver, lanes, clock, accept, idle, failed } = this.#o;
    const { signal } = this.#stop;
    let backoffMs = 0;
    // The subscription is complete before the first delivery can arrive.
    await turn();
    while (!signal.aborted) {
      const want = lanes.want();
      if (this.#paused || want.max <= 0 || want.maxBytes <= 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
        continue;
      }
      try {
        const receiving = new AbortController();
        this.#receiving = receiving;
        const deliveries = await receiver.receive(want, receiving.signal);
        // One that was broken off and brought nothing does not tell whether the broker is there.
        if (deliveries.length > 0 || !receiving.signal.aborted) backoffMs = 0;
        if (deliveries.length > 0) accept(deliveries);
        else if (!receiving.signal.aborted) idle();
      } catch (error) {
        if (signal.aborted) break;
        failed(error);
        backoffMs = Math.min(MAX_BACKOFF_MS, Math.max(FIRST_BACKOFF_MS, backoffMs * 2));
        await sleep(clock, backoffMs, signal);
      }
      this.#receiving = undefined;
      // A receiver that always answers at once would otherwise keep timers and I/O waiting for ever.
      await turn();
    }
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
