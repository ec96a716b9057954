import { createHash } from "node:crypto";
import { type Clock, sleep } from "../clock.ts";
import type { Codec } from "../codec/codec.ts";
import { decodeDeadLetter } from "../codec/dead-letter-record.ts";
import { isWaybillError } from "../errors/waybill-error.ts";
import type { RawCloudEvent } from "../events/cloud-event.ts";
import type { MessageWriter } from "../publish/message-writer.ts";
import type { Adapter, DeadLetterStore, Receiver } from "../spi/adapter.ts";
import type { DeadLetterReason, Delivery, Settlement } from "../spi/delivery.ts";
import type { WireMessage } from "../spi/wire-message.ts";

/** One event that was given up. */
export interface DeadLetterRecord {
  /** The event's id, or the broker's for what is no event. */
  readonly id: string;
  /** Absent when the original is no event. */
  readonly event: RawCloudEvent | undefined;
  readonly original: WireMessage;
  /** Absent when the record had no room for it. */
  readonly reason: DeadLetterReason | undefined;
  /** How often it was put back to work; 0 as well where it had no room to say so. */
  readonly redrives: number;
}

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

export interface RedriveSelection extends DeadLetterSelection {
  /** The topic they go to. Default: what reaches this subscription alone; refused with WB_REDRIVE_UNSUPPORTED where the broker has nothing of that kind. */
  readonly to?: string;
}

/** The dead letters of one subscription. One caller at a time. */
export interface DeadLetters {
  /** Up to `max` (default 100) records, which stay where they are. Some brokers show only the head. */
  list(options?: { max?: number }): Promise<readonly DeadLetterRecord[]>;
  /** Puts originals back to work, each marked as redriven, and takes the record away once the broker has the original. */
  redrive(selection?: RedriveSelection): Promise<{ readonly done: number; readonly skipped: number }>;
  /** Takes records away for good. */
  purge(selection?: DeadLetterSelection): Promise<{ readonly done: number; readonly skipped: number }>;
  close(): Promise<void>;
}

export interface DeadLettersParts {
  readonly open: () => Promise<DeadLetterStore | Receiver>;
  /** Where redriven events go by themselves; undefined where nothing reaches that subscription alone. */
  readonly returnTo: (store: Receiver) => string | undefined;
  /** Writes to the place of these dead letters: for a store that is a log, which can give nothing back. */
  readonly putBack: () => Promise<MessageWriter>;
  readonly target: (topic: string | undefined) => Promise<MessageWriter>;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly classify: Adapter["classify"];
}

/** So many empty receives in a row mean that there is nothing more. */
const EMPTY_RECEIVES = 2;
const BATCH = 32;
const NONE: ReadonlySet<string> = new Set();

export function openDeadLetters(parts: DeadLettersParts): DeadLetters {
  let store: Promise<DeadLetterStore | Receiver> | undefined;
  const close = async () => {
    const opening = store;
    store = undefined;
    const open = await opening?.catch(() => undefined);
    await open?.close();
  };
  /** A store that gives nothing back is read from its position again by whoever opens it next. */
  const use = async <T>(work: (open: DeadLetterStore | Receiver) => Promise<T>): Promise<T> => {
    const opening = store ?? parts.open();
    store = opening;
    const open = await opening.catch((error: unknown) => {
      // The next call tries again.
      if (store === opening) store = undefined;
      throw error;
    });
    try {
      return await work(open);
    } finally {
      if (isLog(open)) await close();
    }
  };
  return {
    list: (options = {}) => use((open) => list(parts, open, options.max ?? 100)),
    redrive: (selection = {}) =>
      use(async (open) => {
        const target = selection.dryRun ? undefined : await parts.target(selection.to ?? parts.returnTo(open));
        const startedMs = parts.clock.now();
        const isNew = onceInAWalk(startedMs);
        const redriven = createRedriven(startedMs);
        return walk(parts, open, selection, {
          startedMs,
          takes: (letter) => isNew(letter) && !redriven.isBack(letter),
          act: async (letter) => {
            await redrive(parts.codec, target!, letter);
            redriven.add(letter);
          },
        });
      }),
    purge: (selection = {}) =>
      use((open) => {
        const startedMs = parts.clock.now();
        return walk(parts, open, selection, { startedMs, takes: onceInAWalk(startedMs), act: async () => undefined });
      }),
    close,
  };
}

async function list(
  { codec, classify }: DeadLettersParts,
  store: DeadLetterStore | Receiver,
  max: number,
): Promise<readonly DeadLetterRecord[]> {
  const { signal } = new AbortController();
  if ("browse" in store) return (await store.browse(max, signal)).map((message) => recordOf(codec, message));
  // No way to look without taking: what was taken is given back.
  const taken: Delivery[] = [];
  for (let empty = 0; empty < EMPTY_RECEIVES && taken.length < max; ) {
    const batch = await receive(store, max - taken.length, signal);
    if (batch.length === 0) empty++;
    taken.push(...batch);
  }
  await settleAll(
    classify,
    store,
    taken.map((delivery) => ({ delivery, kind: "release", delayMs: 0 }) as const),
  );
  return taken.map(({ message }) => recordOf(codec, message));
}

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
async function walk(
  { codec, clock, classify, putBack }: DeadLettersParts,
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

/**
 * What fails again comes back to the same place: a walk takes nothing that was given up since it began, and no record twice. Otherwise it would never
 * end. Two records of one event, left by a crash between copy and ack, are both taken.
 */
function onceInAWalk(startedMs: number): (record: DeadLetterRecord) => boolean {
  const seen = new Set<string>();
  return (record) => {
    const name = JSON.stringify([...identity(record), record.reason?.time]);
    if (seen.has(name) || givenUpMs(record) > startedMs) return false;
    seen.add(name);
    return true;
  };
}

/**
 * What a walk has put back to work and finds again, also within the millisecond in which it began and from a consumer whose clock is behind: by its
 * count of redrives. Where that had no room, by the time alone.
 */
function createRedriven(startedMs: number): {
  add(record: DeadLetterRecord): void;
  isBack(record: DeadLetterRecord): boolean;
} {
  const before = new Map<string, number>();
  const keyOf = (record: DeadLetterRecord) => JSON.stringify(identity(record));
  return {
    add: (record) => void before.set(keyOf(record), record.redrives),
    isBack: (record) => {
      const redrives = before.get(keyOf(record));
      return redrives !== undefined && (record.redrives > redrives || givenUpMs(record) >= startedMs);
    },
  };
}

/** What is no event often has no id of its own. */
function identity({ id, event, original }: DeadLetterRecord): readonly [string, string] {
  return [event?.source ?? digest(original.body), id];
}

function givenUpMs({ reason }: DeadLetterRecord): number {
  return reason === undefined ? Number.NEGATIVE_INFINITY : Date.parse(reason.time);
}

function digest(bytes: Uint8Array | null): string {
  return createHash("sha256")
    .update(bytes ?? "")
    .digest("hex");
}

async function redrive(codec: Codec, target: MessageWriter, { original }: DeadLetterRecord): Promise<void> {
  const { message, redrives } = unmarked(codec, target, original);
  // What is no event has no place for a mark without headers.
  const hasPlace = redrives !== undefined || target.capabilities.headers;
  const withMarks = (marks: { redrives?: number }) => (hasPlace ? codec.withBookkeeping(message, marks) : message);
  let outcome = await target.write(withMarks({ redrives: (redrives ?? 0) + 1 }));
  // It has been published, and so fits: without the mark, where there is no room for that.
  if (!outcome.ok && isWaybillError(outcome.error, "WB_EVENT_TOO_LARGE")) outcome = await target.write(withMarks({}));
  if (!outcome.ok) throw outcome.error;
}

function unmarked(codec: Codec, { capabilities }: MessageWriter, original: WireMessage) {
  try {
    const { event, bookkeeping } = codec.decode(original);
    // A broker without headers cannot carry a binary-mode original as it is.
    const message =
      capabilities.headers || Object.keys(original.headers).length === 0
        ? original
        : codec.encode(event, { headers: false });
    return { message, redrives: bookkeeping.redrives ?? 0 };
  } catch {
    // What is no event goes back byte for byte: the subscription decides anew.
    return { message: original, redrives: undefined };
  }
}

function recordOf(codec: Codec, message: WireMessage): DeadLetterRecord {
  const { original, reason } = decodeDeadLetter(message);
  try {
    const { event, bookkeeping } = codec.decode(original);
    return { id: event.id, event, original, reason, redrives: bookkeeping.redrives ?? 0 };
  } catch {
    return { id: original.id, event: undefined, original, reason, redrives: 0 };
  }
}

async function copyAll(writer: MessageWriter, deliveries: readonly Delivery[]): Promise<void> {
  for (const { message } of deliveries) {
    const outcome = await writer.write(message);
    if (!outcome.ok) throw outcome.error;
  }
}

function isLog(store: Receiver): boolean {
  return store.capabilities.settle === "upTo";
}

function receive(store: Receiver, max: number, signal: AbortSignal): Promise<readonly Delivery[]> {
  return store.receive(
    { max: Math.min(max, store.capabilities.maxReceiveBatch), maxBytes: 16 * 1024 * 1024, pausedLanes: NONE },
    signal,
  );
}

/** A record that is no longer ours comes again: for its event, a duplicate. Any other failure is the caller's to know. */
async function settleAll(
  classify: Adapter["classify"],
  store: Receiver,
  settlements: readonly Settlement[],
): Promise<void> {
  const { settle, release } = store.capabilities;
  const told = settlements.filter(({ kind }) => kind === "ack" || (settle === "each" && release !== false));
  if (told.length === 0) return;
  const outcomes = await store.settle(told, new AbortController().signal);
  for (const outcome of outcomes) if (!outcome.ok && classify(outcome.error) !== "lost") throw outcome.error;
}
