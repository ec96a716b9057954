import type { Clock, Timer } from "../../clock.ts";
import type { Content } from "./content.ts";

interface Waiting {
  readonly sequenceNumber: number;
  readonly content: Content;
  readonly at: number;
  readonly since: number;
  readonly timer: Timer;
}

/** Messages that are to appear later, by the sequence number that cancels them. */
export class ScheduledMessages {
  private readonly clock: Clock;
  private readonly onDue: (content: Content, sequenceNumber: number) => void;
  private readonly waiting = new Map<number, Waiting>();
  bytes = 0;

  constructor(clock: Clock, onDue: (content: Content, sequenceNumber: number) => void) {
    this.clock = clock;
    this.onDue = onDue;
  }

  get size(): number {
    return this.waiting.size;
  }

  add(content: Content, sequenceNumber: number, at: number): void {
    const timer = this.clock.at(at, () => {
      if (this.take(sequenceNumber) !== undefined) this.onDue(content, sequenceNumber);
    });
    this.waiting.set(sequenceNumber, { sequenceNumber, content, at, since: this.clock.now(), timer });
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
    return found;
  }
}
