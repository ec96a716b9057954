import { type Clock, sleep } from "../clock.ts";
import type { Receiver } from "../spi/adapter.ts";
import type { Delivery } from "../spi/delivery.ts";
import type { Lanes } from "./lanes.ts";

export interface ReceiveLoopOptions {
  readonly receiver: Receiver;
  readonly lanes: Lanes;
  readonly clock: Clock;
  readonly accept: (deliveries: readonly Delivery[]) => void;
  readonly failed: (error: unknown) => void;
}

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 30_000;

/** Receives as long as there is room, backs off when the broker fails, and yields to the event loop once a round. */
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
    const { receiver, lanes, clock, accept, failed } = this.#o;
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
        this.#receiving = new AbortController();
        accept(await receiver.receive(want, this.#receiving.signal));
        backoffMs = 0;
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
