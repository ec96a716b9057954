import { isWaybillError } from "@waybill/core";
import { atMost } from "../../at-most.ts";
import { BUCKETS, type ClaimOptions, type Feed, type FeedOptions, type Leases } from "../../store.ts";
import { Nudge } from "../nudge.ts";
import { Claim } from "./claim.ts";
import { Lease } from "./lease.ts";
import { NOW_MS } from "./now.ts";
import type { Rows, Session, SessionOptions } from "./session.ts";
import { removePublished, settleFailures } from "./settle.ts";

/** Rows of one transaction that moves or removes. */
const CHUNK = 1_000;
/** How often an idle relay looks: one statement that reads the ends of three indexes. */
const POLL_MS = 50;
/** No answer for so long means that the connection is dead. */
const TIMEOUT_MS = 60_000;
/** The lease is given back within so long, or runs out by itself. */
const GIVE_BACK_MS = 2_000;

const all = (epoch: number): Leases => new Map(Array.from({ length: BUCKETS }, (_, bucket) => [bucket, epoch]));
const NONE: Leases = new Map();

interface Access {
  readonly session: (options: SessionOptions) => Session;
  /** Calls the listener when rows may have been added by this process. Answers how to stop. */
  readonly onNews: (listener: () => void) => () => void;
}

/** A relay's view of a MySQL or MariaDB database, over four connections: reading, looking ahead, removing, and the lease beside them. Housekeeping has one while it lasts. */
export function mysqlFeed(access: Access, options: FeedOptions, closed: () => void): Feed {
  const { clock, keepSentMs } = options;
  const reader = access.session({ timeoutMs: TIMEOUT_MS });
  const scout = access.session({ timeoutMs: TIMEOUT_MS, isolation: "READ UNCOMMITTED" });
  const remover = access.session({ timeoutMs: TIMEOUT_MS });
  const keeper = access.session({ timeoutMs: Math.max(5_000, options.leaseMs) });
  const lease = new Lease(keeper, options.owner, options.leaseMs);
  const claim = new Claim(reader, scout, clock);
  const nudge = new Nudge(clock, options.pollMs ?? POLL_MS);
  const stopListening = access.onNews(() => nudge.now());
  /** Of the last claim; what the relay holds is kept up to date in it. */
  let claimed: ClaimOptions | undefined;
  let tidying: Session | undefined;
  let released: Promise<void> | undefined;

  /** Scheduled rows whose time has come enter the outbox, at its end. */
  const admitScheduled = async () => {
    let admitted: number;
    do {
      admitted = await reader.transaction(async (tx) => {
        await lease.assertOurs(tx);
        const due = await tx.query<Rows<{ pos: number }>>(
          `SELECT pos FROM outbox_scheduled WHERE due_at <= ${NOW_MS} ORDER BY due_at, pos LIMIT ? FOR UPDATE`,
          [CHUNK],
        );
        for (const { pos } of due) {
          await tx.query(
            "INSERT INTO outbox (bucket, topic, msg_key, event) SELECT bucket, topic, msg_key, event FROM outbox_scheduled WHERE pos = ?",
            [pos],
          );
        }
        if (due.length > 0) {
          await tx.query("DELETE FROM outbox_scheduled WHERE pos IN (?)", [due.map(({ pos }) => pos)]);
        }
        return due.length;
      });
    } while (admitted === CHUNK);
  };

  /** Whether the next claim would find anything. */
  const hasNews = async () => {
    nudge.noteRead();
    const [look] = await reader.query<Rows<{ fresh: number; parked: number }>>(
      `SELECT EXISTS (SELECT 1 FROM outbox FORCE INDEX (PRIMARY) WHERE pos > ?)
           OR EXISTS (SELECT 1 FROM outbox_scheduled WHERE due_at <= ${NOW_MS}) AS fresh,
         EXISTS (SELECT 1 FROM outbox_retry WHERE next_at <= ${NOW_MS}) AS parked`,
      [claim.last],
    );
    if (look?.fresh === 1) return true;
    if (look?.parked !== 1) return false;
    // Those that the relay holds, or whose topic rests, are due as well: they must not wake it.
    const due = await reader.query<Rows<{ pos: number; topic: string }>>(
      `SELECT pos, topic FROM outbox_retry WHERE next_at <= ${NOW_MS} ORDER BY next_at, pos LIMIT ?`,
      [CHUNK],
    );
    return due.some(({ pos, topic }) => !claimed?.skip.has(pos) && !claimed?.exceptTopics.has(topic));
  };

  return {
    async lease() {
      const epoch = await lease.take();
      return epoch === undefined ? NONE : all(epoch);
    },

    async claim(wanted) {
      try {
        claimed = wanted;
        nudge.noteRead();
        const [look] = await reader.query<Rows<{ parked: number; halted: number; due: number }>>(
          `SELECT EXISTS (SELECT 1 FROM outbox_retry) AS parked,
                  EXISTS (SELECT 1 FROM outbox_dead WHERE halts = 1) AS halted,
                  EXISTS (SELECT 1 FROM outbox_scheduled WHERE due_at <= ${NOW_MS}) AS due`,
        );
        if (look?.due === 1) await admitScheduled();
        const rows = await claim.rows(wanted, { parked: look!.parked === 1, halted: look!.halted === 1 });
        if (rows.length > 0) nudge.heat();
        return rows;
      } catch (error) {
        // What was answered is not known to have arrived, nor that the tables are still the same ones.
        claim.rewind();
        throw error;
      }
    },

    rewind: () => claim.rewind(),

    async mark(rows) {
      try {
        await removePublished(remover, rows, keepSentMs > 0);
      } catch (error) {
        // They are gone with their table. One that is made anew begins with the same positions.
        if (!isWaybillError(error, "WB_MYSQL_TABLE_MISSING")) throw error;
      }
    },

    async settle(failures) {
      await reader.transaction(async (tx) => {
        await lease.assertOurs(tx);
        await settleFailures(tx, failures);
      });
      nudge.now();
    },

    async wait(signal) {
      try {
        while (!signal.aborted) {
          await nudge.wait(Number.POSITIVE_INFINITY, true, signal);
          if (signal.aborted || claim.isWaiting || (await hasNews())) return;
        }
      } catch (error) {
        claim.rewind();
        throw error;
      }
    },

    async tidy() {
      if (keepSentMs <= 0) return;
      const session = access.session({ timeoutMs: TIMEOUT_MS });
      tidying = session;
      try {
        let removed = CHUNK;
        while (removed === CHUNK) {
          const result = await session.query(`DELETE FROM outbox_sent WHERE sent_at < ${NOW_MS} - ? LIMIT ?`, [
            keepSentMs,
            CHUNK,
          ]);
          removed = result.affectedRows;
        }
      } finally {
        session.end();
      }
    },

    release(handOver) {
      released ??= (async () => {
        stopListening();
        // A server that is gone, or frozen, keeps nobody from stopping.
        if (handOver) await atMost(clock, GIVE_BACK_MS, lease.giveBack().catch(options.onTrouble));
        for (const session of [reader, scout, remover, keeper, tidying]) session?.end();
        closed();
      })();
      return released;
    },
  };
}
