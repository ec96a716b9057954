import { type Clock, sleep } from "../clock.ts";
import type { Codec } from "../codec/codec.ts";
import type { MessageWriter } from "../publish/message-writer.ts";
import type { Adapter, DeadLetterStore, Receiver } from "../spi/adapter.ts";
import type { Delivery, Settlement } from "../spi/delivery.ts";
import { type DeadLetterRecord, givenUpMs, identity, recordOf } from "./record.ts";
import { EMPTY_RECEIVES, isLog, receive, settleAll } from "./store.ts";

export interface DeadLetterSelection {
  /** Only these; default all. */
  readonly filter?: (record: DeadLetterRecord) => boolean;
  /** At most so many. Default: all that are there. */
  readonly max?: number;
  /** Default: no limit. */
  readonly ratePerSecond?: number;
  /** Say what would happen and change nothing. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { done: number; skipped: number }) => void;
}

export interface WalkParts {
  readonly codec: Codec;
  readonly clock: Clock;
  readonly classify: Adapter["classify"];
  /** Writes to the place of these dead letters: for a store that is a log, which can give nothing back. */
  readonly putBack: () => Promise<MessageWriter>;
}

const BATCH = 32;

interface Walk {
  readonly startedMs: number;
  readonly takes: (record: DeadLetterRecord) => boolean;
  readonly act: (record: DeadLetterRecord) => Promise<void>;
}

/**
 * Receives record after record, does `act` with each that is selected, and acks it; what is not selected is given back at the end. In a
 * log an ack covers what was skipped before it: from the first skipped record on nothing is acked until the skipped ones stand at the
 * log's end again.
 */
export async function walk(
  { codec, clock, classify, putBack }: WalkParts,
  store: DeadLetterStore | Receiver,
  selection: DeadLetterSelection,
  { startedMs, takes, act }: Walk,
): Promise<{ done: number; skipped: number }> {
  const { filter, max = Number.POSITIVE_INFINITY, ratePerSecond, dryRun = false, onProgress } = selection;
  const signal = selection.signal ?? new AbortController().signal;
  const log = isLog(store);
  const kept: Delivery[] = [];
  /** Of a log, what is done with beyond the first skipped record. */
  const unacked: Delivery[] = [];
  let done = 0;
  try {
    for (let empty = 0; empty < EMPTY_RECEIVES && done < max && !signal.aborted; ) {
      const batch = await receive(store, Math.min(BATCH, max - done), signal);
      empty = batch.length === 0 ? empty + 1 : 0;
      const settlements: Settlement[] = [];
      let at = 0;
      try {
        for (; at < batch.length && !signal.aborted; at++) {
          const delivery = batch[at]!;
          const record = recordOf(codec, delivery.message);
          if (!takes(record) || filter?.(record) === false) {
            kept.push(delivery);
            unacked.push(delivery);
            continue;
          }
          if (dryRun) kept.push(delivery);
          else {
            if (ratePerSecond !== undefined) {
              await sleep(clock, startedMs + (done * 1_000) / ratePerSecond - clock.now(), signal);
            }
            await act(record);
            if (log && kept.length > 0) unacked.push(delivery);
            else settlements.push({ delivery, kind: "ack" });
          }
          done++;
        }
      } finally {
        // Aborted or failed: what nobody has come to goes back. Of a log it was never taken.
        if (!log) kept.push(...batch.slice(at));
        await settleAll(classify, store, settlements);
      }
      onProgress?.({ done, skipped: kept.length - (dryRun ? done : 0) });
    }
  } finally {
    if (!log) {
      await settleAll(
        classify,
        store,
        kept.map((delivery) => ({ delivery, kind: "release", delayMs: 0 }) as const),
      );
    } else if (!dryRun && unacked.length > kept.length) {
      await copyAll(await putBack(), kept);
      await settleAll(
        classify,
        store,
        unacked.map((delivery) => ({ delivery, kind: "ack" }) as const),
      );
    }
  }
  return { done, skipped: kept.length - (dryRun ? done : 0) };
}

async function copyAll(writer: MessageWriter, deliveries: readonly Delivery[]): Promise<void> {
  for (const { message } of deliveries) {
    const outcome = await writer.write(message);
    if (!outcome.ok) throw outcome.error;
  }
}

/**
 * What fails again comes back to the same place: a walk takes nothing that was given up since it began, and no record twice. Otherwise it would never
 * end. Two records of one event, left by a crash between copy and ack, are both taken.
 */
export function onceInAWalk(startedMs: number): (record: DeadLetterRecord) => boolean {
  const seen = new Set<string>();
  return (record) => {
    const name = JSON.stringify([...identity(record), record.reason?.time]);
    if (seen.has(name) || givenUpMs(record) > startedMs) return false;
    seen.add(name);
    return true;
  };
}
