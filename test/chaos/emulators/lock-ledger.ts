import type { ServiceBusReceivedMessage } from "@azure/service-bus";

interface Entry {
  /** Deliveries so far. */
  deliveries: number;
  /** Nobody else may have it before this: the end of its lock, or the moment in which its holder gave it back. */
  heldUntil: number;
  isCompleted: boolean;
}

/** What receivers were given, message by message, and what of it should not have been. */
export class LockLedger {
  readonly problems: string[] = [];
  completed = 0;
  redelivered = 0;
  private readonly entries = new Map<number, Entry>();

  /** To be called at once when a message is there. */
  delivered(message: ServiceBusReceivedMessage): void {
    const now = Date.now();
    const number = Number(message.sequenceNumber);
    const entry = this.entries.get(number) ?? { deliveries: 0, heldUntil: 0, isCompleted: false };
    this.entries.set(number, entry);
    if (entry.isCompleted) this.problems.push(`${number} came again after it was completed`);
    if (now < entry.heldUntil)
      this.problems.push(`${number} came ${entry.heldUntil - now} ms before its lock was free`);
    if (message.deliveryCount !== entry.deliveries)
      this.problems.push(`${number} came the ${entry.deliveries + 1}. time with the count ${message.deliveryCount}`);
    if (entry.deliveries > 0) this.redelivered += 1;
    entry.deliveries += 1;
    entry.heldUntil = message.lockedUntilUtc!.getTime();
  }

  /** To be called before the message is given back. */
  givingBack({ sequenceNumber }: ServiceBusReceivedMessage): void {
    this.entries.get(Number(sequenceNumber))!.heldUntil = 0;
  }

  completedOne({ sequenceNumber }: ServiceBusReceivedMessage): void {
    this.entries.get(Number(sequenceNumber))!.isCompleted = true;
    this.completed += 1;
  }

  /** Numbers that senders' messages got must be 1 to n, each once. */
  checkNumbers(count: number): void {
    if (this.entries.size !== count) this.problems.push(`${this.entries.size} numbers for ${count} messages`);
    for (let number = 1; number <= count; number += 1)
      if (!this.entries.has(number)) this.problems.push(`nobody got the number ${number}`);
  }
}
