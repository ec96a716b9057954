import { atMost } from "../../at-most.ts";
import { BUCKETS, type ClaimOptions, type Feed, type FeedOptions, type OutboxRow } from "../../store.ts";
import { Nudge } from "../nudge.ts";
import { Ahead } from "./ahead.ts";
import type { Connections } from "./connections.ts";
import { Cursor } from "./cursor.ts";
import { PINNED } from "./fetch-text.ts";
import { heldKeys, keyName } from "./key-order.ts";
import { BucketLeases } from "./lease.ts";
import { Line } from "./line.ts";
import { LogTail } from "./log-tail.ts";
import { admitScheduled, claimParked } from "./parked.ts";
import { bucketsOf, removePublished, settleFailures } from "./settle.ts";
import type { Tables } from "./tables.ts";
import { setupTidying, tidyTables } from "./tidy.ts";
import { WalStream } from "./wal-stream.ts";

/** Notifications wake it; this is for those that were lost. */
const POLL_MS = 1_000;
/** Parked and scheduled rows that are due are looked for at most so often, in case they are none that may be claimed now. */
const DUE_GAP_MS = 20;
/** The table is looked at so often for rows that the log has and nobody sees yet. */
const UNSEEN_POLL_MS = 50;
/** No answer for so long means that the connection is dead. */
const TIMEOUT_MS = 60_000;
/** The leases are given back within so long, or run out by themselves. */
const GIVE_UP_MS = 2_000;

/**
 * A relay's view of the outbox, over three connections: one reads, one removes, one holds the leases and moves what failed. Housekeeping has
 * one of its own while it lasts, so that none of these waits for it. With `tailLog` a further one follows the write-ahead log.
 */
export function postgresFeed(
  connections: Connections,
  t: Tables,
  options: FeedOptions,
  tailLog: boolean,
  onNews: (listener: () => void) => () => void,
  closed: () => void,
): Feed {
  const { clock, owner, leaseMs, keepSentMs } = options;
  const pollMs = options.pollMs ?? POLL_MS;
  const nudge = new Nudge(clock, pollMs);
  const reading = new Line(connections, {
    timeoutMs: TIMEOUT_MS,
    async setup(client) {
      client.on("notification", () => look());
      await client.query(`${PINNED}; LISTEN "${t.channel.replaceAll('"', '""')}"`);
      // It may be another server by now, where positions stand elsewhere.
      ahead.rewind();
    },
  });
  const removing = new Line(connections, {
    timeoutMs: TIMEOUT_MS,
    // A removal that a crash of the server undoes is an event published again, which any crash can bring.
    setup: (client) => client.query(`${PINNED}; SET synchronous_commit = off`),
  });
  const control = new Line(connections, {
    timeoutMs: Math.max(5_000, leaseMs),
    setup: (client) => client.query(PINNED),
  });
  const look = () => {
    ahead.look();
    nudge.now();
  };
  const stream = tailLog
    ? new WalStream({
        connections,
        tables: t,
        clock,
        onRows: () => nudge.now(),
        onSession: look,
        onTrouble: options.onTrouble,
      })
    : undefined;
  const cursor = new Cursor(reading, t);
  const ahead = new Ahead(cursor, stream && new LogTail(stream, (xids) => cursor.openAmong(xids)), ({ untilDueMs }) => {
    readMs = clock.monotonic();
    dueAtMs = Math.max(readMs + untilDueMs, lookedMs + DUE_GAP_MS);
  });
  const leases = new BucketLeases(control, t, owner, leaseMs);
  const stopListening = onNews(() => nudge.now());
  let claimable: ReadonlySet<number> = new Set();
  const claims = { begun: 0, ended: 0 };
  /** When to look for parked and scheduled rows, by the monotonic clock. */
  let dueAtMs = 0;
  let lookedMs = 0;
  let readMs = Number.NEGATIVE_INFINITY;
  let tidying: Line | undefined;
  let released: Promise<void> | undefined;

  const lookForDue = () => {
    dueAtMs = 0;
    nudge.now();
  };

  const dueRows = async (wanted: ClaimOptions): Promise<readonly OutboxRow[]> => {
    if (clock.monotonic() < dueAtMs) return [];
    lookedMs = clock.monotonic();
    await admitScheduled(control, t, claimable);
    const rows = await claimParked(control, t, wanted, claimable);
    // Until the next reading says when.
    if (rows.length === 0) dueAtMs = Number.POSITIVE_INFINITY;
    return rows;
  };

  const claim = async (wanted: ClaimOptions): Promise<readonly OutboxRow[]> => {
    nudge.noteRead();
    await ahead.absorb(wanted.skip);
    if (claimable.size === 0) return [];
    const due = await dueRows(wanted);
    if (due.length > 0) return due;
    if (clock.monotonic() - readMs >= pollMs) ahead.look();
    const rows = await ahead.take(wanted, claimable, claimable.size === BUCKETS);
    if (rows.length > 0) nudge.heat();
    return withHeld(rows);
  };

  const withHeld = async (rows: readonly OutboxRow[]): Promise<readonly OutboxRow[]> => {
    if (rows.length === 0 || !ahead.mayHold) return rows;
    const held = await heldKeys((config) => control.query(config), t, rows);
    if (held.size === 0) return rows;
    return rows.map((row) => (row.key !== undefined && held.has(keyName(row)) ? { ...row, behind: true } : row));
  };

  return {
    async lease(isBusy) {
      const round = await leases.round(isBusy, claims.ended);
      claimable = leases.claimable;
      leases.stopped(claims.begun);
      stream?.want(claimable.size > 0);
      if (round.gained) {
        ahead.rewind();
        lookForDue();
      }
      return round.leases;
    },

    isBalancing: () => leases.isBalancing,

    async claim(wanted) {
      claims.begun++;
      try {
        return await claim(wanted);
      } finally {
        claims.ended++;
      }
    },

    rewind: () => ahead.rewind(),

    async mark(rows) {
      await removePublished(removing, t, rows, keepSentMs > 0);
      if (rows.some((row) => row.parked)) lookForDue();
    },

    async settle(failures) {
      ahead.noteParking();
      await control.transaction(async (client) => {
        await leases.check(client, bucketsOf(failures));
        await settleFailures(client, t, failures);
      });
      lookForDue();
    },

    wait: (signal) => {
      const untilDueMs = dueAtMs - clock.monotonic();
      return nudge.wait(ahead.isWaiting ? Math.min(untilDueMs, UNSEEN_POLL_MS) : untilDueMs, !ahead.isTailing, signal);
    },

    async tidy() {
      const line = new Line(connections, { timeoutMs: TIMEOUT_MS, setup: setupTidying });
      tidying = line;
      try {
        await tidyTables(line, t, keepSentMs);
      } finally {
        await line.close();
      }
    },

    release(handOver) {
      released ??= (async () => {
        stopListening();
        try {
          // A server that is gone, or frozen, keeps nobody from stopping.
          if (handOver) await atMost(clock, GIVE_UP_MS, leases.giveUp().catch(options.onTrouble));
        } finally {
          await Promise.all([reading.close(), removing.close(), control.close(), tidying?.close(), stream?.close()]);
          closed();
        }
      })();
      return released;
    },
  };
}
