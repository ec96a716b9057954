import type { Adapter } from "../spi/adapter.ts";
import type { DeadLetterReason, Delivery, Settlement } from "../spi/delivery.ts";
import { type FailureOptions, Failures } from "./failures.ts";
import { Lane } from "./lane.ts";
import { type LaneLimits, Lanes } from "./lanes.ts";
import type { Handled } from "./pipeline.ts";
import { Settler } from "./settler.ts";
import { Tries, type TriesOptions } from "./tries.ts";
import { createWork, type Work } from "./work.ts";

export interface ConsumerOptions extends FailureOptions, TriesOptions {
  readonly adapter: Adapter;
  readonly limits: LaneLimits;
  /** Another consumer takes from the same slots: it goes first when one is given back here. */
  readonly beside?: (() => void) | undefined;
  readonly haltKey: boolean;
  /** There may be room for more deliveries. */
  readonly roomy: (unpaused: boolean) => void;
}

/** Takes deliveries in, begins as many {@link Tries} as may run, and settles what is done; {@link Failures} has the rest. It never receives: `ReceiveLoop` does. */
export class Consumer {
  readonly lanes: Lanes;
  readonly settler: Settler;
  readonly #o: ConsumerOptions;
  readonly #tries: Tries;
  readonly #failures: Failures;
  readonly #settlesEach: boolean;
  readonly #revoked = (lane: Lane<Work>) => this.#laneLost(lane);
  #pumping = false;
  #stopped = false;
  #idle: (() => void) | undefined;

  constructor(options: ConsumerOptions) {
    this.#o = options;
    const { settle, release, keepsAttempt } = options.receiver.capabilities;
    this.#settlesEach = settle === "each";
    this.lanes = new Lanes(options.limits);
    const countsDeliveries = !options.ordered && !keepsAttempt && release !== false && release !== "now";
    this.#tries = new Tries(options, countsDeliveries, {
      succeeded: (work, handled) => this.#succeeded(work, handled),
      failed: (work, error) => this.#failed(work, error),
      next: () => this.#next(),
    });
    this.#failures = new Failures(options, {
      lanes: this.lanes,
      stopped: () => this.#stopped,
      finish: (work, settlement, reason) => this.#finish(work, settlement, reason),
      leave: (work) => this.#leave(work, false),
      seen: (work) => this.#seen(work),
      pump: () => this.pump(),
      next: () => this.#next(),
    });
    this.settler = new Settler({
      receiver: options.receiver,
      adapter: options.adapter,
      clock: options.clock,
      settled: (work, settlement) => this.#settled(work, settlement),
      failed: (work, error, kind) => this.#settleFailed(work, error, kind),
    });
  }

  /** Handlers at work, and copies on their way. */
  get busy(): number {
    return this.#tries.running + this.#failures.copying;
  }

  accept(deliveries: readonly Delivery[]): void {
    if (this.#stopped) {
      // They arrived while the drain began.
      for (const delivery of deliveries) this.#giveBack(createWork(delivery, new Lane(undefined, undefined)));
      return;
    }
    for (const delivery of deliveries) {
      const lane = this.lanes.of(delivery, this.#revoked);
      this.lanes.add(createWork(delivery, lane), this.#key(delivery));
    }
    this.pump();
  }

  /** Starts as many handlers as may run. */
  pump(): void {
    // What a handler does before its first wait may call back in here: the outer loop goes on with the next one.
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      const { slots } = this.#o;
      while (slots.free > 0 && !this.#stopped) {
        const work = this.lanes.next();
        if (work === undefined) break;
        this.#tries.begin(work);
      }
    } finally {
      this.#pumping = false;
    }
  }

  /** A handler that has been at it for too long has failed; called now and then. */
  expireHandlers(): void {
    this.#tries.expire();
  }

  /**
   * Its lease is over: whatever its handler still does, nothing of it is settled. Where order is kept all of its lane is lost with it: it comes again, and
   * what followed it here would pass it.
   */
  lose(work: Work, reason: unknown): void {
    if (work.state === "gone") return;
    if (this.#o.ordered && work.lane.id !== undefined) {
      this.#laneLost(work.lane, reason);
      return;
    }
    const { scope, observer } = this.#o;
    const wasHead = work.state === "parked" || work.state === "ready";
    const { context } = work;
    this.lanes.giveUp(work);
    if (wasHead) this.#leave(work, false);
    if (this.#settlesEach) work.lane.remove(work);
    context?.abort(reason);
    observer.lost?.({ topic: scope.topic, subscription: scope.subscription, id: work.delivery.message.id, reason });
    this.#o.roomy(false);
    this.pump();
  }

  /** No further handler begins, and what still arrives goes back. The first step of a drain: receiving takes a moment to end. */
  stop(): void {
    this.#stopped = true;
  }

  /** Starts nothing more and gives back what no handler has begun. Resolves when the running ones are done. */
  async drain(): Promise<void> {
    this.#stopped = true;
    this.settler.hurry = true;
    for (const work of [...this.lanes.works()]) {
      const waits = work.state === "ready" || work.state === "blocked" || work.state === "parked";
      if (!waits || work.copying) continue;
      this.lanes.giveUp(work);
      this.#giveBack(work);
    }
    if (this.busy > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    await this.settler.idle();
  }

  /** The deadline of a drain: handlers are told, and whatever they still do is not settled. Answers how many were left. */
  abandon(reason: unknown): number {
    this.#stopped = true;
    const left = this.busy;
    this.#tries.abandon(reason, (work) => this.lanes.giveUp(work));
    if (this.busy === 0) this.#idle?.();
    return left;
  }

  #key(delivery: Delivery): string | undefined {
    return this.#o.ordered ? delivery.message.key : undefined;
  }

  #succeeded(work: Work, handled: Handled): void {
    if (work.state === "running") {
      const { observer } = this.#o;
      if (observer[handled] !== undefined) observer[handled](this.#seen(work));
      this.#finish(work);
    } else this.#leave(work, false);
  }

  #failed(work: Work, error: unknown): void {
    if (work.state === "running") this.#failures.handle(work, error);
    else this.#leave(work, false);
  }

  /** A handler or copy is done. */
  #next(): void {
    if (this.busy === 0) this.#idle?.();
    this.#o.beside?.();
    this.pump();
  }

  #giveBack(work: Work): void {
    if (this.#o.receiver.capabilities.release === false) return;
    const attempt = work.attempt > 1 ? work.attempt : undefined;
    this.settler.add(work, { delivery: work.delivery, kind: "release", delayMs: 0, attempt });
  }

  /** Without a settlement: it is done. */
  #finish(work: Work, settlement?: Settlement, reason?: DeadLetterReason): void {
    const { observer, haltKey } = this.#o;
    // A copy has arrived by now; a broker's own store has it when the settlement is told.
    if (reason !== undefined && settlement === undefined) observer.deadLettered?.({ ...this.#seen(work), reason });
    this.#leave(work, haltKey && reason !== undefined);
    work.state = "finished";
    if (this.#settlesEach) {
      work.counted = true;
      this.lanes.settling++;
      this.settler.add(work, settlement ?? { delivery: work.delivery, kind: "ack" });
      return;
    }
    const passed = work.lane.advance();
    if (passed !== undefined) this.settler.passed(passed);
    this.#o.roomy(this.lanes.left(work.lane));
  }

  #leave(work: Work, halt: boolean): void {
    this.lanes.leave(work, this.#key(work.delivery), halt);
  }

  #settled(work: Work, settlement: Settlement): void {
    if (settlement.kind === "reject") {
      this.#o.observer.deadLettered?.({ ...this.#seen(work), reason: settlement.reason });
    }
    this.#unlist(work);
  }

  #unlist(work: Work): void {
    // What a drain gave back, and what a watermark covers, was never counted.
    if (!work.counted) return;
    work.counted = false;
    this.lanes.settling--;
    work.lane.remove(work);
    this.#o.roomy(this.lanes.left(work.lane));
  }

  #settleFailed(work: Work, error: unknown, kind: string): void {
    const { observer, scope } = this.#o;
    const { topic, subscription } = scope;
    if (kind === "lost") observer.lost?.({ topic, subscription, id: work.delivery.message.id, reason: error });
    else observer.trouble?.({ topic, subscription, error });
    this.#unlist(work);
  }

  #laneLost(lane: Lane<Work>, reason: unknown = lane.lost?.reason): void {
    const { observer, scope } = this.#o;
    const { topic, subscription } = scope;
    const contexts = [...lane.works()].map((work) => work.context);
    for (const work of this.lanes.drop(lane)) {
      observer.lost?.({ topic, subscription, id: work.delivery.message.id, reason });
    }
    for (const context of contexts) context?.abort(reason);
    this.#o.roomy(true);
  }

  #seen(work: Work) {
    const { topic, subscription } = this.#o.scope;
    const event = work.context?.event;
    return { topic, subscription, id: event?.id ?? work.delivery.message.id, type: event?.type, attempt: work.attempt };
  }
}
