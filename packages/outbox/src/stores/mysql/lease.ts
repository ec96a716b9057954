import { outboxErrors } from "../../outbox-errors.ts";
import { lockKeyOrder } from "./key-order.ts";
import { NOW_MS } from "./now.ts";
import type { Rows, Session, Statements } from "./session.ts";

/**
 * The lease as one relay knows it. One row for the whole table: what another relay had published would look like a gap here, so the
 * work of one table is not shared.
 */
export class Lease {
  readonly #session: Session;
  readonly #owner: string;
  readonly #leaseMs: number;
  #epoch: number | undefined;

  constructor(session: Session, owner: string, leaseMs: number) {
    this.#session = session;
    this.#owner = owner;
    this.#leaseMs = leaseMs;
  }

  /** Takes or prolongs it, by the database's clock. Answers its epoch, or `undefined` while another has it. */
  async take(): Promise<number | undefined> {
    // Who stands by only reads.
    const [row] = await this.#session.query<Rows<{ free: number }>>(
      `SELECT owner = ? OR until <= ${NOW_MS} AS free FROM outbox_lease WHERE bucket = 0`,
      [this.#owner],
    );
    if (row === undefined) await this.#session.query("INSERT IGNORE INTO outbox_lease VALUES (0, '', 0, 0, 0)");
    this.#epoch = row?.free === 0 ? undefined : await this.#take();
    return this.#epoch;
  }

  async #take(): Promise<number | undefined> {
    // MySQL assigns from left to right: the epoch is counted by the owner as it was.
    await this.#session.query(
      `UPDATE outbox_lease SET epoch = epoch + (owner <> ? OR until = 0), owner = ?, lease_ms = ?, until = ${NOW_MS} + ?
       WHERE bucket = 0 AND (owner = ? OR until <= ${NOW_MS})`,
      [this.#owner, this.#owner, this.#leaseMs, this.#leaseMs, this.#owner],
    );
    const [row] = await this.#session.query<Rows<{ epoch: number }>>(
      "SELECT epoch FROM outbox_lease WHERE bucket = 0 AND owner = ?",
      [this.#owner],
    );
    return row?.epoch;
  }

  /** First in a transaction that only the owner may run. Nobody takes the lease before its end. */
  async assertOurs(tx: Statements): Promise<void> {
    const row = await lockKeyOrder(tx);
    if (this.#epoch === undefined || row?.owner !== this.#owner || row.epoch !== this.#epoch) {
      throw outboxErrors.WB_RELAY_LEASE_LOST({ owner: this.#owner });
    }
  }

  async giveBack(): Promise<void> {
    await this.#session.query("UPDATE outbox_lease SET until = 0 WHERE bucket = 0 AND owner = ? AND epoch = ?", [
      this.#owner,
      this.#epoch ?? -1,
    ]);
    this.#epoch = undefined;
  }
}
