import type { WireMessage } from "@waybill/core/spi";

const BITS = 10;
const SIZE = 1 << BITS;
const MASK = SIZE - 1;

/** An append-only run of messages, addressed by offset. Kept in chunks, so that forgetting the oldest moves nothing. */
export class Partition {
  readonly index: number;
  #chunks: WireMessage[][] = [];
  /** Offset of the first chunk's first message. */
  #base = 0;
  #start = 0;
  #end = 0;

  constructor(index: number) {
    this.index = index;
  }

  /** The oldest offset that can still be read. */
  get start(): number {
    return this.#start;
  }

  /** The offset that the next message gets. */
  get end(): number {
    return this.#end;
  }

  append(message: WireMessage): void {
    const within = this.#end & MASK;
    if (within === 0) this.#chunks.push([message]);
    else this.#chunks[this.#chunks.length - 1]!.push(message);
    this.#end++;
  }

  /** The message at an offset from `start` up to, not including, `end`. */
  at(offset: number): WireMessage {
    return this.#chunks[(offset - this.#base) >> BITS]![offset & MASK]!;
  }

  /** Everything before `offset` need not be kept. Memory is freed a chunk at a time. */
  trim(offset: number): void {
    const upTo = Math.min(offset, this.#end);
    if (upTo <= this.#start) return;
    this.#start = upTo;
    while (this.#base + SIZE <= upTo) {
      this.#chunks.shift();
      this.#base += SIZE;
    }
  }
}

/** True when `from` and `to` lie in different chunks: only then has a trim anything to free. */
export function crossesChunk(from: number, to: number): boolean {
  return from >> BITS !== to >> BITS;
}
