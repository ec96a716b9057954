import { closeSync, existsSync, ftruncateSync, openSync, readSync, statSync, writeSync } from "node:fs";

/** One event that the broker has taken. Its place in the log is the order in which the broker has them. */
export interface Arrival {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  /** Who published it. */
  readonly relay: string;
}

export const lineOf = ({ id, name, version, relay }: Arrival) => `${id} ${name} ${version} ${relay}\n`;

export function arrivalOf(line: string): Arrival {
  const [id = "", name = "", version, relay = ""] = line.split(" ");
  return { id, name, version: Number(version), relay };
}

/** Appends to the broker's log: what was written outlives `kill -9` of the broker. A torn last line of an earlier run of it is cut off. */
export function openLog(path: string): (lines: string) => void {
  if (existsSync(path)) {
    const handle = openSync(path, "r+");
    const size = statSync(path).size;
    const tail = Buffer.alloc(Math.min(size, 1 << 16));
    readSync(handle, tail, 0, tail.length, size - tail.length);
    ftruncateSync(handle, size - tail.length + tail.lastIndexOf("\n") + 1);
    closeSync(handle);
  }
  const handle = openSync(path, "a");
  return (lines) => {
    const bytes = Buffer.from(lines);
    for (let from = 0; from < bytes.length; ) from += writeSync(handle, bytes, from);
  };
}

/** Reads a log from a position on; a line that is not whole yet is left for the next time. */
export class LogReader {
  readonly #path: string;
  readonly #buffer = Buffer.alloc(1 << 18);
  /** After the last line that was answered. */
  position: number;

  constructor(path: string, position = 0) {
    this.#path = path;
    this.position = position;
  }

  /** The next lines, at most some thousands; empty at the end. */
  next(): readonly Arrival[] {
    if (!existsSync(this.#path)) return [];
    const handle = openSync(this.#path, "r");
    try {
      const size = readSync(handle, this.#buffer, 0, this.#buffer.length, this.position);
      const end = this.#buffer.lastIndexOf("\n", size - 1);
      if (size === 0 || end < 0) return [];
      this.position += end + 1;
      return this.#buffer.toString("latin1", 0, end).split("\n").map(arrivalOf);
    } finally {
      closeSync(handle);
    }
  }
}
