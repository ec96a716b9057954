import type { Clock, Timer } from "../../clock.ts";
import type { Content } from "./content.ts";
import type { IntakeJournal, ScheduledMessage } from "./store-journal.ts";

interface Waiting extends ScheduledMessage {
  readonly timer: Timer;
}

/** Messages that are to appear later, by the sequence number that cancels them. */
export class ScheduledMessages {
  private readonly clock: Clock;
  private readonly onDue: (content: Content, sequenceNumber: number) => void;
  private readonly journal: IntakeJournal;
  private readonly waiting = new Map<number, Waiting>();
  bytes = 0;

  constructor(clock: Clock, journal: IntakeJournal, onDue: (content: Content, sequenceNumber: number) => void) {
    this.clock = clock;
    this.journal = journal;
    this.onDue = onDue;
  }

  get size(): number {
    return this.waiting.size;
  }

  add(content: Content, sequenceNumber: number, at: number): void {
    const message = { sequenceNumber, content, at, since: this.clock.now() };
    this.restore(message);
    this.journal.scheduled(message);
  }

  /** Puts back what waited before a restart. */
  restore(message: ScheduledMessage): void {
    const { sequenceNumber, content } = message;
    const timer = this.clock.at(message.at, () => {
      if (this.take(sequenceNumber) !== undefined) this.onDue(content, sequenceNumber);
    });
    this.waiting.set(sequenceNumber, { ...message, timer });
    this.bytes += content.size;
  }

  has(sequenceNumber: number): boolean {
    return this.waiting.has(sequenceNumber);
  }

  cancel(sequenceNumber: number): boolean {
    const found = this.take(sequenceNumber);
    found?.timer.cancel();
    return found !== undefined;
  }

  [Symbol.iterator](): IterableIterator<Waiting> {
    return this.waiting.values();
  }

  clear(): void {
    for (const sequenceNumber of [...this.waiting.keys()]) this.cancel(sequenceNumber);
  }

  private take(sequenceNumber: number): Waiting | undefined {
    const found = this.waiting.get(sequenceNumber);
    if (found === undefined) return undefined;
    this.waiting.delete(sequenceNumber);
    this.bytes -= found.content.size;
    this.journal.unscheduled(sequenceNumber);
    return found;
  }
}
