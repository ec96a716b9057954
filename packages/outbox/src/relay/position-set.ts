/** Positions of one block, a bit each: those that stand together are asked for, added and deleted together. */
const BLOCK = 1_024;

class Block {
  readonly bits = new Int32Array(BLOCK / 32);
  size = 0;
}

/**
 * A set of positions. They are dense and beyond what an engine keeps as small integers, and the relay asks for, adds and deletes each one
 * that it publishes: a `Set` hashes a number on the heap for each of these.
 */
export class PositionSet {
  readonly #blocks = new Map<number, Block>();
  /** The block of the position before, which is mostly that of the next. */
  #number = -1;
  #block: Block | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(position: number): boolean {
    const block = this.#find(position);
    return block !== undefined && (block.bits[wordOf(position)]! & bitOf(position)) !== 0;
  }

  add(position: number): void {
    const block = this.#find(position) ?? this.#make();
    const word = wordOf(position);
    const before = block.bits[word]!;
    const after = before | bitOf(position);
    if (after === before) return;
    block.bits[word] = after;
    block.size++;
    this.#size++;
  }

  /** Answers whether it was there. */
  delete(position: number): boolean {
    const block = this.#find(position);
    if (block === undefined) return false;
    const word = wordOf(position);
    const before = block.bits[word]!;
    const after = before & ~bitOf(position);
    if (after === before) return false;
    block.bits[word] = after;
    this.#size--;
    if (--block.size === 0) {
      this.#blocks.delete(this.#number);
      this.#block = undefined;
    }
    return true;
  }

  #find(position: number): Block | undefined {
    const number = Math.floor(position / BLOCK);
    if (number !== this.#number) {
      this.#number = number;
      this.#block = this.#blocks.get(number);
    }
    return this.#block;
  }

  /** Of the position that was looked for. */
  #make(): Block {
    const block = new Block();
    this.#blocks.set(this.#number, block);
    this.#block = block;
    return block;
  }
}

/** Bits of a number beyond 32 are cut off, which are the block's. */
function wordOf(position: number): number {
  return (position & (BLOCK - 1)) >>> 5;
}

function bitOf(position: number): number {
  return 1 << (position & 31);
}
