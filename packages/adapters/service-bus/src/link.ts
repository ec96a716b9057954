import type {
  ProcessErrorArgs,
  ServiceBusReceivedMessage,
  ServiceBusReceiver,
  ServiceBusSessionReceiver,
} from "@azure/service-bus";
import type { Delivery, Handoff } from "@waybill/core/spi";
import { HoldList, type Listed } from "./hold-list.ts";
import { lockEnd } from "./lock-end.ts";

/** A message that came over a link, from its arrival until it is settled or lost. */
export interface InHand<H> extends Delivery, Listed<H> {
  /** The n-th that came over its link, from 1. */
  readonly number: number;
  lose(): void;
}

export interface LinkParts<H extends InHand<H>> {
  readonly sdk: ServiceBusReceiver | ServiceBusSessionReceiver;
  readonly lockMs: number;
  /** How many may be asked for at a time. The SDK asks for all of them whenever it starts, and takes another number only for another link. */
  readonly most: number;
  readonly handoff: Handoff;
  /** What is kept of a message while it is in hand. */
  readonly take: (raw: ServiceBusReceivedMessage, link: Link<H>, number: number) => H;
  /** A message came, and stands in the handoff. */
  readonly arrived: (hold: H) => void;
  /** The SDK says that it cannot receive. */
  readonly failed: (error: unknown) => void;
}

/** One AMQP link: of a queue or subscription, or of one session of it. What comes over it waits in the handoff until core takes it. */
export class Link<H extends InHand<H>> {
  readonly sdk: ServiceBusReceiver | ServiceBusSessionReceiver;
  readonly session: ServiceBusSessionReceiver | undefined;
  readonly lane: string | undefined;
  readonly lockMs: number;
  readonly most: number;
  readonly holds = new HoldList<H>();
  /** How many of them core has not taken. */
  waiting = 0;
  readonly sinceMs = Date.now();
  /** Aborts when the session's lock is gone. */
  readonly lost = new AbortController();
  /** Nothing more comes over it, and nothing can be settled over it. */
  isOver = false;
  /** When something last happened on it. */
  activeMs = Date.now();
  /** End of the session's lock, by this machine's clock. */
  untilMs: number;
  readonly #parts: LinkParts<H>;
  /** Ends of the SDK's handlers: each that returns asks for one more message. */
  #asks: (() => void)[] = [];
  /** Asked for, and not here yet. */
  credit = 0;
  #subscription: { close(): Promise<void> } | undefined;
  #shutting: Promise<void> | undefined;
  #count = 0;

  constructor(parts: LinkParts<H>) {
    const { sdk, lockMs, most } = parts;
    this.#parts = parts;
    this.sdk = sdk;
    this.lockMs = lockMs;
    this.most = most;
    this.session = "sessionId" in sdk ? sdk : undefined;
    this.lane = this.session?.sessionId;
    this.untilMs = lockEnd(this.session?.sessionLockedUntilUtc, lockMs);
  }

  /** Asks for `most` messages. `signal` ends the SDK's own endless attempts to connect. */
  start(signal: AbortSignal): void {
    if (this.#subscription !== undefined || this.#shutting !== undefined) return;
    this.credit = this.most;
    this.#subscription = this.sdk.subscribe(
      {
        // It must never throw: the SDK would abandon the message at once, and again, until the broker gives it up.
        processMessage: (raw) => this.#take(raw),
        processError: async ({ error, errorSource }: ProcessErrorArgs) => {
          // Stopped while it was connecting, it says so.
          const isOurs = this.isOver || this.#subscription === undefined;
          if (errorSource === "receive" && !isOurs) this.#parts.failed(error);
        },
      },
      { autoCompleteMessages: false, maxConcurrentCalls: this.most, abortSignal: signal },
    );
  }

  get isAsking(): boolean {
    return this.#subscription !== undefined;
  }

  /** Asks for more, up to so many in all. */
  ask(count: number): void {
    while (this.credit < count && this.#asks.length > 0) {
      this.credit++;
      this.#asks.pop()!();
    }
  }

  renewed(until: Date): Date {
    this.untilMs = lockEnd(until, this.lockMs);
    return new Date(this.untilMs);
  }

  /** Core knows of nothing here, and so renews nothing. */
  get isUntaken(): boolean {
    return this.waiting === this.holds.size;
  }

  /** Nothing has come over it yet. */
  get isNew(): boolean {
    return this.#count === 0;
  }

  /** How many came after the oldest that is still in hand. */
  get span(): number {
    const oldest = this.holds.first;
    return oldest === undefined ? 0 : this.#count - oldest.number;
  }

  /** Asks for nothing more; what has come is still to be taken and settled. Resolves when nothing is on its way; a link without session can then be started again. */
  stop(): Promise<void> {
    const subscription = this.#subscription;
    if (subscription === undefined) return this.#shutting ?? Promise.resolve();
    this.#subscription = undefined;
    // Begun first: handlers that return from now on give no credit back, so that a new start does not find theirs beside its own.
    const shutting = subscription.close().finally(() => {
      if (this.#shutting === shutting) this.#shutting = undefined;
    });
    this.#shutting = shutting;
    this.credit = 0;
    for (const end of this.#asks.splice(0)) end();
    return shutting;
  }

  whenShut(): Promise<void> | undefined {
    return this.#shutting;
  }

  /** The end: what waits is withdrawn, and with a session what is in hand is lost. */
  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    if (this.session !== undefined) {
      for (const hold of this.holds.all()) hold.lose();
      this.lost.abort();
    }
  }

  /** Resolves when one more is asked for. */
  #take(raw: ServiceBusReceivedMessage): Promise<void> {
    const { handoff, take, arrived } = this.#parts;
    if (this.isOver && this.session !== undefined) return Promise.resolve();
    const hold = take(raw, this, ++this.#count);
    this.holds.add(hold);
    this.waiting++;
    this.activeMs = Date.now();
    void handoff.offer([hold]);
    arrived(hold);
    if (this.#subscription === undefined) return Promise.resolve();
    this.credit--;
    return new Promise((resolve) => this.#asks.push(resolve));
  }
}
