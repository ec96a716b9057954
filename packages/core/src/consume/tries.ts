import type { Clock } from "../clock.ts";
import { coreErrors } from "../errors/core-errors.ts";
import { counted } from "../errors/counted.ts";
import { type ContextScope, DeliveryContext } from "./context.ts";
import { GiveUp } from "./give-up.ts";
import type { Handled, Pipeline } from "./pipeline.ts";
import type { Work } from "./work.ts";

/** Handlers that may still begin. */
export interface Slots {
  free: number;
}

export interface TriesOptions {
  readonly pipeline: Pipeline;
  readonly clock: Clock;
  readonly scope: ContextScope;
  /** Of the whole subscription. */
  readonly slots: Slots;
  readonly handlerTimeoutMs: number;
  readonly maxDeliveries: number;
}

/** The consumer, as far as the ends of tries need it. */
export interface TryEnds {
  /** Its lease may be lost by now. */
  readonly succeeded: (work: Work, handled: Handled) => void;
  /** Its lease may be lost by now. */
  readonly failed: (work: Work, error: unknown) => void;
  /** After either: a slot is free. */
  readonly next: () => void;
}

/** Handlers at work: each begins with one slot and gives it back when it ends, or when its time is up. */
export class Tries {
  readonly #o: TriesOptions;
  readonly #ends: TryEnds;
  /** Where a release cannot carry the attempt, the broker's count is the best there is. */
  readonly #countsDeliveries: boolean;
  /** Those whose handler has not ended at once. */
  readonly #running = new Set<Work>();

  constructor(options: TriesOptions, countsDeliveries: boolean, ends: TryEnds) {
    this.#o = options;
    this.#countsDeliveries = countsDeliveries;
    this.#ends = ends;
  }

  get running(): number {
    return this.#running.size;
  }

  begin(work: Work): void {
    const { pipeline, clock, scope, slots, maxDeliveries } = this.#o;
    const { delivery } = work;
    slots.free--;
    work.state = "running";
    let handled: Handled | undefined;
    let context: DeliveryContext | undefined;
    try {
      const { event, bookkeeping } = pipeline.decode(delivery.message);
      if (work.attempt === 0) {
        work.attempt = bookkeeping.attempt ?? (this.#countsDeliveries ? (delivery.deliveryCount ?? 1) : 1);
        work.redrives = bookkeeping.redrives ?? 0;
        work.firstFailure = bookkeeping.firstFailure;
      }
      context = new DeliveryContext(scope, delivery, work.attempt, work.redrives > 0);
      work.context = context;
      if ((delivery.deliveryCount ?? 0) > maxDeliveries) {
        throw new GiveUp(
          "max-deliveries",
          new Error(`The broker delivered it ${counted(delivery.deliveryCount!, "time")}.`),
        );
      }
      const result = pipeline.run(event, context);
      if (typeof result === "string") handled = result;
      else {
        work.startedMs = clock.monotonic();
        this.#running.add(work);
        this.#await(work, context, result);
      }
    } catch (error) {
      // Also of a handler's own kind of promise, whose `then` may throw.
      this.#running.delete(work);
      this.#release(context);
      this.#ends.failed(work, error);
      this.#ends.next();
      return;
    }
    if (handled === undefined) return;
    this.#release(context);
    this.#ends.succeeded(work, handled);
    this.#ends.next();
  }

  /** A handler that has been at it for too long has failed; called now and then. */
  expire(): void {
    const { clock, handlerTimeoutMs } = this.#o;
    const now = clock.monotonic();
    for (const work of this.#running) {
      if (now - work.startedMs < handlerTimeoutMs) continue;
      const error = coreErrors.WB_HANDLER_TIMEOUT({ timeoutMs: handlerTimeoutMs });
      const context = work.context;
      this.#ended(work, context);
      context?.abort(error);
      this.#ends.failed(work, error);
      this.#ends.next();
    }
  }

  /** Tells all of them; how they end is nobody's business any more. `giveUp` comes first. */
  abandon(reason: unknown, giveUp: (work: Work) => void): void {
    for (const work of [...this.#running]) {
      const { context } = work;
      giveUp(work);
      this.#ended(work, context);
      context?.abort(reason);
    }
  }

  #await(work: Work, context: DeliveryContext, result: Promise<Handled | undefined>): void {
    result.then(
      (late) => {
        if (!this.#ended(work, context)) return;
        this.#ends.succeeded(work, late ?? "processed");
        this.#ends.next();
      },
      (error) => {
        if (!this.#ended(work, context)) return;
        this.#ends.failed(work, error);
        this.#ends.next();
      },
    );
  }

  /** Takes a try off the running ones. False when that has happened already: its time was up. */
  #ended(work: Work, context: DeliveryContext | undefined): boolean {
    if (work.context !== context || !this.#running.delete(work)) return false;
    this.#release(context);
    return true;
  }

  /** A try is over: another may take its slot. */
  #release(context: DeliveryContext | undefined): void {
    this.#o.slots.free++;
    context?.end();
  }
}
