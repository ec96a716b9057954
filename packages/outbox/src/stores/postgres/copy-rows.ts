import type { Client, Submittable } from "pg";
import type { OutboxRow } from "../../store.ts";

/** A row whose event is yet to be fetched, or is already in it. */
export type ReadRow = Omit<OutboxRow, "event"> & { readonly event: string | null };

/** What a reading brought. */
export interface Read {
  readonly rows: ReadRow[];
  /** Topic and key of the row without a position, which tells about all of them. */
  readonly header: readonly [topic: string, key: string];
}

/** Signature, flags and the length of the header's extension, which is 0. */
const HEADER_BYTES = 11 + 4 + 4;
const NULL = -1;
const END = -1;

/**
 * `COPY (…) TO STDOUT (FORMAT binary)` as a query of `pg`, of columns bigint, smallint, text, text, text. The server sends a row in one message and
 * writes numbers as they are: for many rows both sides do less than with rows of text. It takes no parameters and is planned each time.
 * https://www.postgresql.org/docs/current/sql-copy.html
 */
export function copyRows(client: Client, query: string): Promise<Read> {
  return new Promise((resolve, reject) => {
    client.query(new Copy(`COPY (${query}) TO STDOUT (FORMAT binary)`, resolve, reject));
  });
}

class Copy implements Submittable {
  /** Called by `pg` once it has added its timeout. */
  callback: (error?: unknown) => void = () => undefined;
  readonly #command: string;
  readonly #resolve: (read: Read) => void;
  readonly #reject: (error: unknown) => void;
  readonly #rows: ReadRow[] = [];
  #header: Read["header"] | undefined;
  #isFirst = true;
  #broken: unknown;
  #topic = "";

  constructor(command: string, resolve: (read: Read) => void, reject: (error: unknown) => void) {
    this.#command = command;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: unknown): void {
    (connection as { query(text: string): void }).query(this.#command);
  }

  handleCopyData({ chunk }: { chunk: Buffer }): void {
    try {
      const at = this.#isFirst ? HEADER_BYTES : 0;
      this.#isFirst = false;
      if (chunk.readInt16BE(at) !== END) this.#read(chunk, at + 2);
    } catch (error) {
      // Thrown from here it would end the process.
      this.#broken ??= error;
    }
  }

  handleCommandComplete(): void {
    // The rows are answered when the server is ready for the next query.
  }

  handleError(error: unknown): void {
    this.callback(error);
    this.#reject(error);
  }

  handleReadyForQuery(): void {
    this.callback();
    if (this.#broken === undefined && this.#header !== undefined) {
      this.#resolve({ rows: this.#rows, header: this.#header });
    } else this.#reject(this.#broken ?? new Error("Connection terminated: the copy came without its header"));
  }

  #read(row: Buffer, start: number): void {
    const isHeader = row.readInt32BE(start) === NULL;
    // Position and bucket are both there or both null.
    const topicAt = start + 4 + 4 + (isHeader ? 0 : 8 + 2) + 4;
    const keyAt = topicAt + row.readInt32BE(topicAt - 4) + 4;
    const keyBytes = row.readInt32BE(keyAt - 4);
    const key = keyBytes === NULL ? undefined : row.toString("utf8", keyAt, keyAt + keyBytes);
    if (isHeader) {
      this.#header = [row.toString("utf8", topicAt, keyAt - 4), key!];
      return;
    }
    const eventAt = keyAt + Math.max(0, keyBytes) + 4;
    const eventBytes = row.readInt32BE(eventAt - 4);
    this.#rows.push({
      position: row.readInt32BE(start + 4) * 2 ** 32 + row.readUInt32BE(start + 8),
      bucket: row.readInt16BE(start + 16),
      topic: this.#topicOf(row, topicAt, keyAt - 4),
      key,
      event: eventBytes === NULL ? null : row.toString("utf8", eventAt, eventAt + eventBytes),
      attempts: 0,
      parked: false,
      behind: false,
    });
  }

  /** Mostly that of the row before: the same string is kept, and found faster. */
  #topicOf(row: Buffer, from: number, to: number): string {
    let same = to - from === this.#topic.length;
    // A byte above 127 never equals a character of the same number here, for its text is shorter than its bytes.
    for (let i = from; same && i < to; i++) same = row[i] === this.#topic.charCodeAt(i - from);
    if (!same) this.#topic = row.toString("utf8", from, to);
    return this.#topic;
  }
}
