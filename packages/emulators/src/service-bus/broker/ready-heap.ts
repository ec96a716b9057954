import type { StoredMessage } from "./stored-message.ts";

/** Messages that wait for a receiver, the lowest sequence number first. What is no longer ready is passed over when it is met. */
export class ReadyHeap {
  private readonly heap: StoredMessage[] = [];

  push(message: StoredMessage): void {
    if (message.queued) return;
    message.queued = true;
    const heap = this.heap;
    let at = heap.length;
    heap.push(message);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.sequenceNumber <= message.sequenceNumber) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = message;
  }

  peek(): StoredMessage | undefined {
    while (this.heap.length > 0 && !isReady(this.heap[0]!)) this.drop();
    return this.heap[0];
  }

  pop(): StoredMessage | undefined {
    const first = this.peek();
    if (first !== undefined) this.drop();
    return first;
  }

  private drop(): void {
    const heap = this.heap;
    heap[0]!.queued = false;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.sequenceNumber < heap[child]!.sequenceNumber) child += 1;
      if (heap[child]!.sequenceNumber >= last.sequenceNumber) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

const isReady = (message: StoredMessage) =>
  !message.removed && message.lock === undefined && message.state === "active";
