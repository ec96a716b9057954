import type { MessageWriter } from "../publish/message-writer.ts";
import type { DeadLetterStore, Receiver } from "../spi/adapter.ts";
import type { Delivery } from "../spi/delivery.ts";
import { type DeadLetterRecord, recordOf } from "./record.ts";
import { createRedriven, redrive } from "./redrive.ts";
import { EMPTY_RECEIVES, isLog, receive, settleAll } from "./store.ts";
import { type DeadLetterSelection, onceInAWalk, type WalkParts, walk } from "./walk.ts";

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

export interface DeadLettersParts extends WalkParts {
  readonly open: () => Promise<DeadLetterStore | Receiver>;
  /** Where redriven events go by themselves; undefined where nothing reaches that subscription alone. */
  readonly returnTo: (store: Receiver) => string | undefined;
  readonly target: (topic: string | undefined) => Promise<MessageWriter>;
}

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
