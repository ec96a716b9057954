import type { Clock } from "../clock.ts";
import type { Codec } from "../codec/codec.ts";
import { redacted } from "../errors/redacted.ts";
import type { Observer, Seen } from "../observe/observer.ts";
import { type RetryOptions, retryDelayMs } from "../policies/retry.ts";
import type { Receiver } from "../spi/adapter.ts";
import type { SenderCapabilities } from "../spi/capabilities.ts";
import type { DeadLetterReason, Settlement } from "../spi/delivery.ts";
import type { ContextScope } from "./context.ts";
import type { CopyWriter } from "./copy-writer.ts";
import { Busy, GiveUp, PermanentError, RetryLaterError } from "./give-up.ts";
import type { Lanes } from "./lanes.ts";
import { chooseRetryWay } from "./retry-way.ts";
import type { Work } from "./work.ts";

export interface FailureOptions {
  readonly receiver: Receiver;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly random: () => number;
  readonly scope: ContextScope;
  readonly observer: Observer;
  readonly copies: CopyWriter;
  readonly ordered: boolean;
  readonly retry: Required<RetryOptions>;
  /** Where dead letters are copied to; undefined where the broker's own store takes them. */
  readonly deadLetterTo: string | undefined;
  /** What reaches this subscription alone, and what its sender can do. */
  readonly returnTo: string | undefined;
  readonly returnSender: SenderCapabilities | undefined;
}

/** The consumer, as far as the failures of its deliveries need it. */
export interface Holder {
  readonly lanes: Lanes;
  readonly stopped: () => boolean;
  /** Without a settlement: it is done, here or by a copy that has arrived. */
  readonly finish: (work: Work, settlement: Settlement | undefined, reason?: DeadLetterReason) => void;
  readonly leave: (work: Work) => void;
  readonly seen: (work: Work) => Seen;
  /** A parked delivery may run again. */
  readonly pump: () => void;
  /** A copy is done. */
  readonly next: () => void;
}

/** How soon a dead letter that could not be written is tried again; doubled each time. */
const DEAD_LETTER_RETRY_MS = 1_000;
const DEAD_LETTER_RETRY_MAX_MS = 60_000;

/** What becomes of deliveries whose handler failed, and of what no handler can take. */
export class Failures {
  /** Copies on their way. */
  copying = 0;
  readonly #o: FailureOptions;
  readonly #holder: Holder;

  constructor(options: FailureOptions, holder: Holder) {
    this.#o = options;
    this.#holder = holder;
  }

  /** Its try has failed: another one, now or later, here or elsewhere, or a dead letter. */
  handle(work: Work, error: unknown): void {
    const { retry, random, clock } = this.#o;
    if (error instanceof Busy) {
      this.#again(work, error.delayMs, new Error("Another consumer has this event in hand."));
      return;
    }
    work.firstFailure ??= new Date(clock.now()).toISOString();
    if (error instanceof GiveUp) this.#giveUp(work, error.code, error.error);
    else if (error instanceof PermanentError) this.#giveUp(work, "rejected", error);
    else if (work.attempt >= retry.attempts) this.#giveUp(work, "handler-failed", error);
    else {
      const delayMs = error instanceof RetryLaterError ? error.delayMs : retryDelayMs(retry, work.attempt, random);
      this.#again(work, delayMs, error, work.attempt + 1);
    }
  }

  #again(work: Work, delayMs: number, error: unknown, attempt = work.attempt): void {
    const { receiver, ordered, retry, returnTo, returnSender, clock, observer } = this.#o;
    const { lease } = receiver.capabilities;
    const leaseLeftMs =
      lease !== false && !lease.renewable && work.leaseUntilMs > 0 ? work.leaseUntilMs - clock.now() : undefined;
    const way = this.#holder.stopped()
      ? ({ kind: "release", delayMs: 0 } as const)
      : chooseRetryWay({
          delayMs,
          ordered,
          inPlaceMs: retry.inPlaceMs,
          receiver: receiver.capabilities,
          returnSender: returnTo === undefined ? undefined : returnSender,
          leaseLeftMs,
        });
    if (observer.retrying !== undefined) {
      observer.retrying({ ...this.#holder.seen(work), error, delayMs, way: way.kind });
    }
    work.attempt = attempt;
    if (way.kind === "in-place") this.#tryLater(work, delayMs);
    else if (way.kind === "release") this.#release(work, way.delayMs);
    else this.#copyLater(work, delayMs);
  }

  #tryLater(work: Work, delayMs: number): void {
    this.#park(work, delayMs, () => this.#holder.lanes.unpark(work));
  }

  #park(work: Work, delayMs: number, ...then: (() => void)[]): void {
    this.#holder.lanes.park(work);
    work.timer = this.#o.clock.after(delayMs, () => {
      work.timer = undefined;
      for (const step of then) step();
      this.#holder.pump();
    });
  }

  #release(work: Work, delayMs: number): void {
    if (this.#o.receiver.capabilities.release === false) {
      // Nothing can be given back: it is delivered again once this process has stopped.
      this.#holder.leave(work);
      work.state = "gone";
      return;
    }
    this.#holder.finish(work, {
      delivery: work.delivery,
      kind: "release",
      delayMs,
      attempt: work.attempt > 1 ? work.attempt : undefined,
    });
  }

  #copyLater(work: Work, delayMs: number): void {
    const { codec, copies, returnTo, clock } = this.#o;
    const { attempt, firstFailure, redrives } = work;
    const copy = {
      ...codec.withBookkeeping(work.delivery.message, {
        attempt,
        firstFailure,
        redrives: redrives > 0 ? redrives : undefined,
      }),
      notBefore: new Date(clock.now() + delayMs),
    };
    this.#copy(work, copies.retry(returnTo!, copy), () => {
      if (this.#holder.stopped()) this.#release(work, 0);
      else this.#tryLater(work, delayMs);
    });
  }

  #giveUp(work: Work, code: DeadLetterReason["reason"], error: unknown): void {
    const { clock, scope, deadLetterTo, copies } = this.#o;
    const now = new Date(clock.now()).toISOString();
    const reason: DeadLetterReason = {
      reason: code,
      error: redacted(error),
      attempts: Math.max(1, work.attempt),
      topic: scope.topic,
      subscription: scope.subscription,
      firstFailure: work.firstFailure ?? now,
      time: now,
    };
    if (deadLetterTo === undefined) {
      this.#holder.finish(work, { delivery: work.delivery, kind: "reject", reason }, reason);
      return;
    }
    let waitMs = DEAD_LETTER_RETRY_MS;
    const write = () => {
      const copying = copies.deadLetter(deadLetterTo, work.delivery.message, reason, work.redrives);
      const later = () => {
        if (this.#holder.stopped()) this.#release(work, 0);
        else this.#park(work, waitMs, () => this.#holder.lanes.resume(work), write);
        waitMs = Math.min(2 * waitMs, DEAD_LETTER_RETRY_MAX_MS);
      };
      this.#copy(work, copying, later, reason);
    };
    write();
  }

  /** A copy on its way holds no handler. Acked when it has arrived, `otherwise` when it has not: never acked on hope. */
  #copy(work: Work, copying: Promise<void>, otherwise: () => void, reason?: DeadLetterReason): void {
    const { observer, scope } = this.#o;
    this.#holder.lanes.park(work);
    work.copying = true;
    this.copying++;
    const arrived = (then: () => void) => {
      this.copying--;
      work.copying = false;
      if (work.state === "parked") {
        this.#holder.lanes.resume(work);
        then();
      }
      this.#holder.next();
    };
    copying.then(
      () => arrived(() => this.#holder.finish(work, undefined, reason)),
      (error) => {
        observer.trouble?.({ topic: scope.topic, subscription: scope.subscription, error });
        arrived(otherwise);
      },
    );
  }
}
