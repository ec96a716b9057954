import type { ClientBase } from "pg";
import { outboxErrors } from "../../outbox-errors.ts";
import { BUCKETS, type Leases } from "../../store.ts";
import type { Line } from "./line.ts";
import type { Tables } from "./tables.ts";

/** The buckets that one relay holds. The database's clock alone judges when a lease is over. */
export class BucketLeases {
  readonly #line: Line;
  readonly #tables: Tables;
  readonly #owner: string;
  readonly #leaseMs: number;
  #mine = new Map<number, number>();
  /** To be given back as soon as nothing of them is being worked on. With each, how many claims had begun when claims stopped asking for it. */
  #leaving = new Map<number, number>();
  /** The most that are ours as long as no relay comes or goes; whoever comes last may get fewer. */
  #share = 0;
  /** Rounds since our share or what we have changed. */
  #unchanged = 0;

  constructor(line: Line, tables: Tables, owner: string, leaseMs: number) {
    this.#line = line;
    this.#tables = tables;
    this.#owner = owner;
    this.#leaseMs = leaseMs;
  }

  /** Buckets whose rows may be claimed. */
  get claimable(): ReadonlySet<number> {
    return new Set([...this.#mine.keys()].filter((bucket) => !this.#leaving.has(bucket)));
  }

  /** Some are to be given back once they are idle, or others, who look a third of a lease apart, may be giving some to us. */
  get isBalancing(): boolean {
    return this.#leaving.size > 0 || (this.#mine.size < this.#share && this.#unchanged < this.#leaseMs / 100);
  }

  /**
   * Prolongs, takes and gives back. Answers what is held, and whether any bucket became claimable that was not before. Claims go by `claimable` as it is then,
   * and `stopped` must be told. So many claims have `ended`: one that began before may yet answer rows of what is leaving, which nobody knows to be at work.
   */
  async round(isBusy: (bucket: number) => boolean, ended: number): Promise<{ leases: Leases; gained: boolean }> {
    const before = this.claimable;
    const { share, mine } = await this.#renew();
    for (const [bucket, epoch] of this.#mine) if (mine.get(bucket) !== epoch) this.#leaving.delete(bucket);
    this.#unchanged = share === this.#share && mine.size === this.#mine.size ? this.#unchanged + 1 : 0;
    this.#mine = mine;
    this.#share = share;
    this.#chooseLeaving(share, isBusy);
    const idle = [...this.#leaving].flatMap(([bucket, begun]) => (ended >= begun && !isBusy(bucket) ? [bucket] : []));
    if (idle.length > 0) await this.#giveBack(idle);
    const gained = [...this.claimable].some((bucket) => !before.has(bucket));
    return { leases: new Map(this.#mine), gained };
  }

  /** Claims ask for nothing more of what is leaving; so many have `begun` until now. */
  stopped(begun: number): void {
    for (const [bucket, before] of this.#leaving)
      if (before === Number.POSITIVE_INFINITY) this.#leaving.set(bucket, begun);
  }

  /** Inside a transaction: rejects unless all of these buckets are still ours, and keeps them so until its end. */
  async check(client: ClientBase, buckets: ReadonlySet<number>): Promise<void> {
    const wanted = [...buckets].sort((a, b) => a - b);
    const { rows } = await client.query({
      text: `SELECT bucket, epoch FROM ${this.#tables.lease} WHERE bucket = ANY($1::smallint[]) AND owner = $2 ORDER BY bucket FOR NO KEY UPDATE`,
      values: [wanted, this.#owner],
    });
    const held = new Map(rows.map(({ bucket, epoch }) => [Number(bucket), Number(epoch)]));
    for (const bucket of wanted) {
      if (held.get(bucket) === undefined || held.get(bucket) !== this.#mine.get(bucket)) {
        throw outboxErrors.WB_RELAY_LEASE_LOST({ owner: this.#owner });
      }
    }
  }

  /** Another relay may take all of it at once. */
  async giveUp(): Promise<void> {
    await this.#giveBack([...this.#mine.keys()]);
    await this.#line.query({ text: `DELETE FROM ${this.#tables.relay} WHERE owner = $1`, values: [this.#owner] });
  }

  /** One statement: says that this relay lives, counts those that do, prolongs what is ours, takes what is free up to our share. */
  async #renew(): Promise<{ share: number; mine: Map<number, number> }> {
    const { lease, relay } = this.#tables;
    const { rows } = await this.#line.query({
      name: "wb_lease",
      text: `WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now, clock_timestamp() + $2 * interval '1 ms' AS until),
        me AS (INSERT INTO ${relay} (owner, until) SELECT $1, until FROM t
               ON CONFLICT (owner) DO UPDATE SET until = excluded.until RETURNING 1),
        share AS MATERIALIZED (
          SELECT ceil(${BUCKETS}::numeric / (1 + count(*)))::int AS n FROM ${relay} r, t WHERE r.owner <> $1 AND r.until > t.now),
        held AS (SELECT * FROM unnest($3::smallint[], $4::bigint[]) AS h (bucket, epoch)),
        renewed AS (
          UPDATE ${lease} l SET until = t.until FROM t, held h
          WHERE l.bucket = h.bucket AND l.epoch = h.epoch AND l.owner = $1 RETURNING l.bucket, l.epoch),
        free AS (
          SELECT l.bucket FROM ${lease} l, t
          WHERE l.until <= t.now AND NOT l.bucket = ANY($3::smallint[])
          ORDER BY l.bucket LIMIT (SELECT greatest(0, n - $5) FROM share) FOR NO KEY UPDATE OF l SKIP LOCKED),
        taken AS (
          UPDATE ${lease} l SET owner = $1, epoch = l.epoch + 1, until = t.until FROM t, free f
          WHERE l.bucket = f.bucket RETURNING l.bucket, l.epoch)
        SELECT NULL AS bucket, n AS epoch FROM share UNION ALL SELECT * FROM renewed UNION ALL SELECT * FROM taken`,
      values: [
        this.#owner,
        this.#leaseMs,
        [...this.#mine.keys()],
        [...this.#mine.values()],
        this.#mine.size - this.#leaving.size,
      ],
    });
    let share = 0;
    const mine = new Map<number, number>();
    for (const { bucket, epoch } of rows) {
      if (bucket === null) share = Number(epoch);
      else mine.set(Number(bucket), Number(epoch));
    }
    return { share, mine };
  }

  #chooseLeaving(share: number, isBusy: (bucket: number) => boolean): void {
    for (const bucket of this.#leaving.keys()) if (!this.#mine.has(bucket)) this.#leaving.delete(bucket);
    let excess = this.#mine.size - share - this.#leaving.size;
    // Another relay has gone: what was to be given back is kept.
    for (const bucket of [...this.#leaving.keys()]) if (excess++ < 0) this.#leaving.delete(bucket);
    excess = this.#mine.size - share - this.#leaving.size;
    const idleFirst = [...this.#mine.keys()].sort((a, b) => Number(isBusy(a)) - Number(isBusy(b)) || b - a);
    for (const bucket of idleFirst) {
      if (excess <= 0) break;
      if (this.#leaving.has(bucket)) continue;
      this.#leaving.set(bucket, Number.POSITIVE_INFINITY);
      excess--;
    }
  }

  async #giveBack(buckets: readonly number[]): Promise<void> {
    await this.#line.query({
      text: `UPDATE ${this.#tables.lease} l SET until = '-infinity', owner = NULL
             FROM unnest($2::smallint[], $3::bigint[]) AS h (bucket, epoch)
             WHERE l.bucket = h.bucket AND l.epoch = h.epoch AND l.owner = $1`,
      values: [this.#owner, buckets, buckets.map((bucket) => this.#mine.get(bucket))],
    });
    for (const bucket of buckets) {
      this.#mine.delete(bucket);
      this.#leaving.delete(bucket);
    }
  }
}
