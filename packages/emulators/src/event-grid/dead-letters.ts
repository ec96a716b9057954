import { randomUUID } from "node:crypto";
import { type AcceptedEvent, attributesIn, type DeliverySchema } from "./events/accepted-event.ts";
import { NO_SHELF, type Shelf } from "./journal.ts";
import type { Timing } from "./timing.ts";

/** Stores a blob in the container that holds a subscription's dead letters. A rejection is tried again, for four hours. */
export type DeadLetterWriter = (blobPath: string, json: string) => Promise<void>;

/** The service collects dead letters for this long before it writes them. */
const COLLECT_MS = 5 * 60_000;
const RETRY_MS = 60_000;
const GIVE_UP_MS = 4 * 60 * 60_000;

export interface DeadLetter {
  readonly event: AcceptedEvent;
  readonly reason: string;
  readonly attempts: number;
  readonly outcome: string;
  /** Milliseconds since 1970; absent when no attempt was made. */
  readonly lastAttemptAt: number | undefined;
}

/** A dead letter that is not in a blob yet. */
export interface KeptLetter extends DeadLetter {
  readonly since: number;
}

type Shape = DeliverySchema | "namespace";

/** The dead letters of one subscription. Without a writer they are dropped, as the service does. */
export class DeadLetters {
  /** Written to a blob. */
  written = 0;
  /** Gone: no writer, or the writer failed for four hours. */
  dropped = 0;
  private readonly subscription: string;
  private readonly shape: Shape;
  private readonly writer: DeadLetterWriter | undefined;
  private readonly timing: Timing;
  private readonly shelf: Shelf<KeptLetter>;
  private waiting: { readonly id: number; readonly value: KeptLetter }[] = [];
  private isArmed = false;
  private isClosed = false;

  constructor(
    subscription: string,
    shape: Shape,
    writer: DeadLetterWriter | undefined,
    timing: Timing,
    shelf: Shelf<KeptLetter> = NO_SHELF,
  ) {
    this.shelf = shelf;
    this.subscription = subscription;
    this.shape = shape;
    this.writer = writer;
    this.timing = timing;
  }

  get waitingCount(): number {
    return this.waiting.length;
  }

  add(letter: DeadLetter): void {
    if (this.writer === undefined) {
      this.dropped += 1;
      return;
    }
    const value = { ...letter, since: this.timing.clock.now() };
    this.waiting.push({ id: this.shelf.put(value), value });
    this.arm(COLLECT_MS);
  }

  /** Puts back what waited before a restart. */
  resume(): void {
    this.waiting = [...this.shelf.all()];
    this.arm(COLLECT_MS);
  }

  /** What waits is gone with the emulator, unless it has a data folder. */
  close(): void {
    this.isClosed = true;
    this.waiting = [];
  }

  private arm(ms: number): void {
    if (this.isClosed || this.isArmed || this.waiting.length === 0) return;
    this.isArmed = true;
    const { clock } = this.timing;
    clock.at(clock.now() + this.timing.wait(ms), () => void this.write());
  }

  private async write(): Promise<void> {
    if (this.isClosed) return;
    const letters = this.waiting;
    this.waiting = [];
    try {
      await this.writer?.(this.blobPath(), JSON.stringify(letters.map(({ value }) => this.describe(value))));
      for (const { id } of letters) this.shelf.remove(id);
      this.written += letters.length;
      this.isArmed = false;
      this.arm(COLLECT_MS);
    } catch {
      // Whatever the reason is: the letters stay until their four hours are over.
      const giveUpBefore = this.timing.clock.now() - this.timing.wait(GIVE_UP_MS);
      const kept = letters.filter(({ value }) => value.since > giveUpBefore);
      for (const letter of letters) if (!kept.includes(letter)) this.shelf.remove(letter.id);
      this.dropped += letters.length - kept.length;
      this.waiting = [...kept, ...this.waiting];
      this.isArmed = false;
      this.arm(RETRY_MS);
    }
  }

  private blobPath(): string {
    const now = new Date(this.timing.clock.now());
    const hour = [now.getUTCFullYear(), now.getUTCMonth() + 1, now.getUTCDate(), now.getUTCHours()].join("/");
    return `${this.subscription.toUpperCase()}/${hour}/${randomUUID()}.json`;
  }

  private describe({ event, reason, attempts, outcome, lastAttemptAt }: DeadLetter): unknown {
    const publishTime = new Date(event.publishedAt).toISOString();
    const attemptTime = lastAttemptAt === undefined ? undefined : new Date(lastAttemptAt).toISOString();
    if (this.shape === "namespace") {
      return {
        deadLetterProperties: {
          deadletterreason: reason,
          deliveryattempts: attempts,
          deliveryresult: outcome,
          publishutc: publishTime,
          deliveryattemptutc: attemptTime,
        },
        event: event.attributes,
      };
    }
    const attributes = attributesIn(event, this.shape);
    if (this.shape !== "CloudEventSchemaV1_0") {
      return {
        ...attributes,
        deadLetterReason: reason,
        deliveryAttempts: attempts,
        lastDeliveryOutcome: outcome,
        publishTime,
        lastDeliveryAttemptTime: attemptTime,
      };
    }
    return {
      ...attributes,
      deadletterreason: reason,
      deliveryattempts: attempts,
      lastdeliveryoutcome: outcome,
      publishtime: publishTime,
    };
  }
}
