import type { Snapshot } from "./cursor.ts";
import type { LoggedRow } from "./pgoutput.ts";
import type { WalStream } from "./wal-stream.ts";

/** Which of these transactions other ones do not see yet. */
export type OpenTransactions = (xids: readonly number[]) => Promise<ReadonlySet<number>>;

/**
 * Joins the log to what has been read of the table, with nothing left out and nothing swapped.
 *
 * The table is read first, and now and then again; each reading has a snapshot. A row of the log whose transaction is over in the last snapshot
 * has been read there, and is dropped; any other is new, and rows of one key come in the order of their commits. One gap must be closed: a
 * transaction that was being committed while the stream began may be in neither. So the stream is trusted only once a reading shows that
 * all transactions which were open at its beginning are over. Until then, as without a stream, the table is read alone.
 *
 * The log has a commit a moment before other transactions see it; where a commit waits for a standby, long before, and a failover may still undo
 * it. Such rows are left to the table, and so is all that comes until it has brought them.
 */
export class LogTail {
  readonly #stream: WalStream;
  readonly #open: OpenTransactions;
  /** Transactions that the log has and nobody sees yet. */
  #unseen: readonly number[] = [];
  #trusted: WalStream["session"];
  #over: { readonly xmax: number; readonly open: ReadonlySet<number> } | undefined;

  constructor(stream: WalStream, open: OpenTransactions) {
    this.#stream = stream;
    this.#open = open;
  }

  /** The table is about to bring what the log has already. */
  get isWaiting(): boolean {
    return this.#unseen.length > 0;
  }

  /** What the log brings next comes after all that the table has brought. */
  get isTrusted(): boolean {
    return this.#trusted !== undefined && this.#trusted === this.#stream.session && !this.isWaiting;
  }

  /** The table has been read: all that is visible in this snapshot. */
  noteReading(snapshot: Snapshot | undefined): void {
    if (snapshot === undefined) return;
    this.#over = { xmax: Number(snapshot.xmax), open: new Set(snapshot.xip.map(Number)) };
    this.#unseen = this.#unseen.filter((xid) => !this.#isOver(xid));
    const { session } = this.#stream;
    if (session !== undefined && Number(snapshot.xmin) >= session.sinceXid) this.#trusted = session;
  }

  /** Rows that no reading has brought, and that all can see. */
  async take(): Promise<LoggedRow[]> {
    const rows = this.#stream.take().filter(({ xid }) => !this.#isOver(xid));
    if (rows.length === 0) return rows;
    // Until the server has said otherwise: when it cannot, only the table may bring them.
    this.#unseen = [...new Set(rows.map(({ xid }) => xid))];
    const open = await this.#open(this.#unseen);
    this.#unseen = [...open];
    return rows.filter(({ xid }) => !open.has(xid));
  }

  #isOver(xid: number): boolean {
    const { xmax, open } = this.#over!;
    return xid < xmax && !open.has(xid);
  }
}
