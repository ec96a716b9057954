import { appendFileSync, closeSync, existsSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";

/** One effect of an event: a handler was done with it, or the keeper found it among the given up. */
export interface Entry {
  readonly subscription: string;
  readonly key: string;
  readonly n: number;
  readonly attempt: number;
  readonly redriven: boolean;
  /** Of the machine's monotonic clock, which all processes share: nanoseconds. */
  readonly at: bigint;
}

/**
 * What the handlers of a process did, in a file of its own: a write that has returned outlives `kill -9` of the process. It is made before the handler
 * returns, so what is acked is in a file.
 */
export function ledgerWriter(folder: string): (entry: Omit<Entry, "at">) => void {
  const file = join(folder, `${process.pid}.ledger`);
  return ({ subscription, key, n, attempt, redriven }) =>
    appendFileSync(file, `${subscription} ${key} ${n} ${attempt} ${redriven ? 1 : 0} ${process.hrtime.bigint()}\n`);
}

/** Reads on where it stopped, over the files of all processes. */
export class LedgerReader {
  readonly #folder: string;
  readonly #read = new Map<string, { position: number; rest: string }>();
  readonly entries: Entry[] = [];
  readonly #distinct = new Set<string>();
  readonly #isAwaited: (entry: Entry) => boolean;

  /** `isAwaited` says which effects `distinct` counts. */
  constructor(folder: string, isAwaited: (entry: Entry) => boolean) {
    this.#folder = folder;
    this.#isAwaited = isAwaited;
  }

  /** Awaited effects without their repetitions. */
  get distinct(): number {
    return this.#distinct.size;
  }

  /** Takes in what was written since. */
  refresh(): void {
    if (!existsSync(this.#folder)) return;
    for (const file of readdirSync(this.#folder)) {
      if (!file.endsWith(".ledger")) continue;
      const state = this.#read.get(file) ?? { position: 0, rest: "" };
      this.#read.set(file, state);
      const handle = openSync(join(this.#folder, file), "r");
      const buffer = Buffer.alloc(1 << 18);
      for (let size = 1; size > 0; ) {
        size = readSync(handle, buffer, 0, buffer.length, state.position);
        state.position += size;
        const lines = (state.rest + buffer.toString("latin1", 0, size)).split("\n");
        state.rest = lines.pop() ?? "";
        for (const line of lines) {
          const entry = parse(line);
          this.entries.push(entry);
          if (this.#isAwaited(entry)) this.#distinct.add(`${entry.subscription} ${entry.key} ${entry.n}`);
        }
      }
      closeSync(handle);
    }
  }
}

function parse(line: string): Entry {
  const [subscription = "", key = "", n, attempt, redriven, at] = line.split(" ");
  return { subscription, key, n: Number(n), attempt: Number(attempt), redriven: redriven === "1", at: BigInt(at ?? 0) };
}
