import type { ClaimCheck } from "../claim-check/claim-check.ts";
import { type Clock, sleep, type Timer } from "../clock.ts";
import type { Codec } from "../codec/codec.ts";
import { coreErrors } from "../errors/core-errors.ts";
import { counted } from "../errors/counted.ts";
import { redacted } from "../errors/redacted.ts";
import type { Observer } from "../observe/observer.ts";
import type { MessageWriter } from "../publish/message-writer.ts";
import type { Adapter, Health, Receiver } from "../spi/adapter.ts";
import { Consumer } from "./consumer.ts";
import type { ContextScope } from "./context.ts";
import { CopyWriter } from "./copy-writer.ts";
import { type Guarantee, grant } from "./guarantee.ts";
import { LeaseKeeper } from "./leases.ts";
import type { Pipeline } from "./pipeline.ts";
import { ReceiveLoop } from "./receive-loop.ts";
import { laneLimits, type ResolvedOptions } from "./resolve-options.ts";
import type { SubscribeOptions } from "./subscribe-options.ts";
import { SubscriptionHealth } from "./subscription-health.ts";
import type { Slots } from "./tries.ts";
import { Watchdog } from "./watchdog.ts";

export interface DrainOptions {
  /** How long running handlers may take. Default 10 000. */
  readonly deadlineMs?: number;
}

/** A running subscription. Also an async disposable: `await using subscription = …` drains it. */
export interface Subscription extends AsyncDisposable {
  readonly topic: string;
  readonly name: string;
  readonly guarantee: Guarantee;
  /**
   * Not ok while the broker cannot be reached, or nothing arrives although events wait. A receive that failed is tried again after 100 ms, then after twice as long each
   * time, up to 5 s; so consuming goes on some 5 s after the end of an outage, however long that was.
   */
  readonly health: Health;
  /** Receives nothing more; what is in hand is finished. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /**
   * Takes nothing new, gives back what no handler has begun, waits for the running ones and settles them, then closes. Handlers still running at the deadline are told by their
   * signal, and their events are delivered again: then it resolves with how many. Idempotent.
   */
  drain(options?: DrainOptions): Promise<{ readonly abandoned: number }>;
  /** As `drain` with no time: running handlers are told at once. The broker has a second to hear what is done and what no handler has begun. */
  close(): Promise<void>;
}

/** What is done must not come again, nor what is unstarted wait for its lease to end, only because the handlers' time is up. */
const LAST_WORD_MS = 1_000;

export interface SubscriptionParts {
  readonly adapter: Adapter;
  readonly receiver: Receiver;
  readonly pipeline: Pipeline;
  readonly codec: Codec;
  readonly claims: ClaimCheck | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly observer: Observer;
  readonly scope: ContextScope;
  readonly given: SubscribeOptions<unknown>;
  readonly options: ResolvedOptions;
  readonly writer: (topic: string) => Promise<MessageWriter>;
  /** What reaches this subscription alone, and its writer, where there is such a place. */
  readonly returnTo: string | undefined;
  readonly returnWriter: MessageWriter | undefined;
  readonly slots: Slots;
  /** What else reads for this subscription, out of the same slots: it goes first when one is given back here. */
  readonly beside?: (() => void) | undefined;
  readonly closed: () => void;
}

/** Wires receive loop, consumer, leases and watchdog of one subscription together. */
export class RunningSubscription implements Subscription {
  readonly topic: string;
  readonly name: string;
  readonly guarantee: Guarantee;
  readonly #parts: SubscriptionParts;
  readonly #consumer: Consumer;
  readonly #loop: ReceiveLoop;
  readonly #leases: LeaseKeeper;
  readonly #watchdog: Watchdog | undefined;
  #timeouts: Timer | undefined;
  readonly #health: SubscriptionHealth;
  #draining: Promise<{ abandoned: number }> | undefined;
  #hurry: (() => void) | undefined;
  #paused = false;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
    const { adapter, receiver, clock, scope, given, options, observer, returnWriter } = parts;
    const { capabilities } = receiver;
    this.topic = scope.topic;
    this.name = scope.subscription;
    const needs = { ...given, idempotent: given.inbox !== undefined };
    const granted = grant(scope, needs, capabilities, returnWriter?.capabilities);
    if (granted === undefined) {
      throw coreErrors.WB_ORDER_UNSUPPORTED({ topic: this.topic, subscription: this.name, adapter: adapter.name });
    }
    this.guarantee = granted.guarantee;
    this.#health = new SubscriptionHealth(adapter, clock);
    this.#consumer = new Consumer({
      ...parts,
      copies: new CopyWriter(parts.codec, parts.writer, parts.claims),
      limits: laneLimits(options, capabilities),
      ordered: granted.guarantee.order === "per-key",
      retry: options.retry,
      handlerTimeoutMs: options.handlerTimeoutMs,
      maxDeliveries: options.maxDeliveries,
      haltKey: given.afterDeadLetter === "halt-key",
      deadLetterTo: granted.deadLetterTo,
      returnSender: returnWriter?.capabilities,
      roomy: (unpaused) => this.#loop?.roomy(unpaused),
    });
    const { lanes } = this.#consumer;
    this.#loop = new ReceiveLoop({
      receiver,
      lanes,
      clock,
      accept: (deliveries) => {
        this.#health.arrived();
        this.#watchdog?.seen();
        observer.received?.({ ...this.#place, count: deliveries.length });
        this.#consumer.accept(deliveries);
      },
      idle: () => this.#health.idle(),
      failed: (error) => {
        const problem = redacted(error);
        const wrapped = coreErrors.WB_RECEIVE_FAILED({ topic: this.topic, subscription: this.name, problem }, error);
        this.#health.failed(wrapped);
        observer.trouble?.({ ...this.#place, error: wrapped });
      },
    });
    this.#leases = new LeaseKeeper({
      receiver,
      adapter,
      clock,
      lanes,
      lost: (work, reason) => this.#consumer.lose(work, reason),
      failed: (error) => observer.trouble?.({ ...this.#place, error }),
    });
    this.#watchdog = adapter.backlog === undefined ? undefined : this.#watch(adapter);
    this.#expire();
  }

  /** Starts what may run: there may be a slot again. */
  pump(): void {
    this.#consumer.pump();
  }

  get health(): Health {
    return this.#health.now;
  }

  async pause(): Promise<void> {
    this.#paused = true;
    this.#loop.pause();
  }

  async resume(): Promise<void> {
    this.#paused = false;
    this.#watchdog?.seen();
    this.#loop.resume();
  }

  drain(options: DrainOptions = {}): Promise<{ abandoned: number }> {
    this.#draining ??= this.#drain(options.deadlineMs ?? 10_000);
    return this.#draining;
  }

  async close(): Promise<void> {
    this.#draining ??= this.#drain(0);
    this.#hurry?.();
    await this.#draining;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  get #place() {
    return { topic: this.topic, subscription: this.name };
  }

  async #drain(deadlineMs: number): Promise<{ abandoned: number }> {
    const { clock, receiver, observer, closed } = this.#parts;
    this.#watchdog?.stop();
    const deadline = new Promise<"late">((resolve) => {
      const timer = clock.after(deadlineMs, () => resolve("late"));
      this.#hurry = () => {
        timer.clear();
        resolve("late");
      };
    });
    this.#consumer.stop();
    const finished = this.#loop.stop().then(() => this.#consumer.drain());
    let abandoned = 0;
    if ((await Promise.race([finished, deadline])) === "late") {
      const error = coreErrors.WB_DRAIN_DEADLINE({ running: this.#consumer.busy, deadlineMs });
      abandoned = this.#consumer.abandon(error);
      if (abandoned > 0) observer.trouble?.({ ...this.#place, error });
      const told = new AbortController();
      const end = () => told.abort();
      finished.then(end, end);
      await sleep(clock, LAST_WORD_MS, told.signal);
      this.#consumer.settler.abort();
    }
    this.#hurry?.();
    this.#health.stop();
    this.#leases.stop();
    this.#timeouts?.clear();
    await receiver.close();
    closed();
    return { abandoned };
  }

  #watch(adapter: Adapter): Watchdog {
    const { clock, options, observer } = this.#parts;
    return new Watchdog({
      clock,
      idleMs: options.idleMs,
      backlog: async () => (this.#paused ? { events: 0 } : adapter.backlog!(this.#source)),
      stalled: (backlog) => {
        if (this.#consumer.busy > 0) return;
        const problem = `nothing arrives, with a backlog of ${counted(backlog.events, "event")}`;
        this.#health.stalled(coreErrors.WB_RECEIVE_FAILED({ ...this.#place, problem }));
        observer.stalled?.({ ...this.#place, backlog });
      },
      calm: () => this.#health.calm(),
      failed: (error) => observer.trouble?.({ ...this.#place, error }),
    });
  }

  get #source() {
    return { topic: this.topic, subscription: this.name };
  }

  #expire(): void {
    const { clock, options } = this.#parts;
    const everyMs = Math.min(1_000, Math.max(1, options.handlerTimeoutMs / 4));
    this.#timeouts = clock.after(everyMs, () => {
      this.#consumer.expireHandlers();
      this.#expire();
    });
  }
}
