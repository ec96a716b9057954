import type {
  ProcessErrorArgs,
  ServiceBusReceivedMessage,
  ServiceBusReceiver,
  ServiceBusSessionReceiver,
} from "@azure/service-bus";
import type { Handoff, WireMessage } from "@waybill/core/spi";
import { Hold, lockEnd } from "./hold.ts";

export interface LinkParts {
  readonly sdk: ServiceBusReceiver | ServiceBusSessionReceiver;
  readonly lockMs: number;
  readonly prefetch: number;
  readonly handoff: Handoff;
  readonly toMessage: (raw: ServiceBusReceivedMessage) => WireMessage;
  /** A message came, and stands in the handoff. */
  readonly arrived: (hold: Hold) => void;
  /** The SDK says that it cannot receive. */
  readonly failed: (error: unknown) => void;
}

/** One AMQP link: of a queue or subscription, or of one session of it. What comes over it waits in the handoff until core takes it. */
export class Link {
  readonly sdk: ServiceBusReceiver | ServiceBusSessionReceiver;
  readonly session: ServiceBusSessionReceiver | undefined;
  readonly lane: string | undefined;
  readonly lockMs: number;
  readonly holds = new Set<Hold>();
  readonly sinceMs = Date.now();
  /** Aborts when the session's lock is gone. */
  readonly lost = new AbortController();
  /** Nothing more comes over it, and nothing can be settled over it. */
  isOver = false;
  /** When something last happened on it. */
  activeMs = Date.now();
  /** End of the session's lock, by this machine's clock. */
  untilMs: number;
  readonly #parts: LinkParts;
  readonly #withdraw = new AbortController();
  /** Handlers of the SDK that wait; each gives one credit back when it returns. */
  readonly #returns = new Set<() => void>();
  #subscription: { close(): Promise<void> } | undefined;
  #shutting: Promise<void> | undefined;
  #count = 0;

  constructor(parts: LinkParts) {
    const { sdk, lockMs } = parts;
    this.#parts = parts;
    this.sdk = sdk;
    this.lockMs = lockMs;
    this.session = "sessionId" in sdk ? sdk : undefined;
    this.lane = this.session?.sessionId;
    this.untilMs = lockEnd(this.session?.sessionLockedUntilUtc, lockMs);
  }

  /** Asks for messages, `prefetch` ahead. `signal` ends the SDK's own endless attempts to connect. */
  start(signal: AbortSignal): void {
    if (this.#subscription !== undefined || this.#shutting !== undefined) return;
    const { prefetch, failed } = this.#parts;
    this.#subscription = this.sdk.subscribe(
      {
        // It must never throw: the SDK would abandon the message at once, and again, until the broker gives it up.
        processMessage: (raw) => this.#take(raw),
        processError: async ({ error, errorSource }: ProcessErrorArgs) => {
          // Stopped while it was connecting, it says so.
          const isOurs = this.isOver || this.#subscription === undefined;
          if (errorSource === "receive" && !isOurs) failed(error);
        },
      },
      { autoCompleteMessages: false, maxConcurrentCalls: prefetch, abortSignal: signal },
    );
  }

  renewed(until: Date): Date {
    this.untilMs = lockEnd(until, this.lockMs);
    return new Date(this.untilMs);
  }

  /** Core knows of nothing here, and so renews nothing. */
  get isUntaken(): boolean {
    for (const { state } of this.holds) if (state !== "waiting") return false;
    return true;
  }

  /** How many came after the oldest that is still in hand. */
  get span(): number {
    const [oldest] = this.holds;
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
    for (const giveBack of this.#returns) giveBack();
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
      for (const hold of this.holds) hold.lose();
      this.lost.abort();
      this.#withdraw.abort();
    }
  }

  async #take(raw: ServiceBusReceivedMessage): Promise<void> {
    const { handoff, toMessage, arrived } = this.#parts;
    if (this.isOver && this.session !== undefined) return;
    const hold = new Hold(raw, this, ++this.#count, toMessage(raw));
    this.holds.add(hold);
    this.activeMs = Date.now();
    const taken = handoff.offer([hold.delivery], this.#withdraw.signal);
    arrived(hold);
    if (this.#subscription === undefined) return;
    await new Promise<void>((resolve) => {
      const giveBack = () => {
        this.#returns.delete(giveBack);
        resolve();
      };
      this.#returns.add(giveBack);
      void taken.then(giveBack);
    });
  }
}
