import type { Snapshot } from "./cursor.ts";
import type { LoggedRow } from "./pgoutput.ts";
import type { WalStream } from "./wal-stream.ts";

/**
 * Joins the log to what has been read of the table, with nothing left out and nothing swapped.
 *
 * The table is read first, and now and then again; each reading has a snapshot. A row of the log whose transaction is over in the last snapshot
 * has been read there, and is dropped; any other is new, and rows of one key come in the order of their commits. One gap must be closed: a
 * transaction that was being committed while the stream began may be in neither. So the stream is trusted only once a reading shows that
 * all transactions which were open at its beginning are over. Until then, as without a stream, the table is read alone.
 */
export class LogTail {
  readonly #stream: WalStream;
  #trusted: WalStream["session"];
  #over: { readonly xmax: number; readonly open: ReadonlySet<number> } | undefined;

  constructor(stream: WalStream) {
    this.#stream = stream;
  }

  get isTrusted(): boolean {
    return this.#trusted !== undefined && this.#trusted === this.#stream.session;
  }

  /** The table has been read: all that is visible in this snapshot. */
  noteReading(snapshot: Snapshot | undefined): void {
    if (snapshot === undefined) return;
    this.#over = { xmax: Number(snapshot.xmax), open: new Set(snapshot.xip.map(Number)) };
    const { session } = this.#stream;
    if (session !== undefined && Number(snapshot.xmin) >= session.sinceXid) this.#trusted = session;
  }

  /** Rows that no reading has brought. */
  take(): LoggedRow[] {
    const over = this.#over!;
    return this.#stream.take().filter(({ xid }) => xid >= over.xmax || over.open.has(xid));
  }
}
