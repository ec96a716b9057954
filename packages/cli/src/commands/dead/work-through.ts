import type { DeadLetterSelection, DeadLetters } from "@waybill/core";
import { EXIT } from "../../exit-codes.ts";
import { showProgress } from "../../progress.ts";
import type { Session } from "../../session.ts";
import { openLetters } from "./open-letters.ts";
import { filterOf, type Selection } from "./selection.ts";

export interface WorkOptions extends Selection {
  readonly max?: number;
  readonly rate?: number;
  readonly dryRun?: boolean;
}

/** What redrive and purge share: the selection, progress on standard error, and the summary. */
export async function workThrough(
  session: Session,
  place: { topic: string; subscription: string; did: string },
  options: WorkOptions,
  work: (letters: DeadLetters, selection: DeadLetterSelection) => Promise<{ done: number; skipped: number }>,
): Promise<number> {
  const { output, shutdown, json } = session;
  const { topic, subscription, did } = place;
  const letters = await openLetters(session, topic, subscription);
  const filter = filterOf(options);
  const progress = showProgress(session, options.max);
  try {
    const { done, skipped } = await work(letters, {
      ...(filter === undefined ? {} : { filter }),
      ...(options.max === undefined ? {} : { max: options.max }),
      ...(options.rate === undefined ? {} : { ratePerSecond: options.rate }),
      dryRun: options.dryRun === true,
      signal: shutdown.signal,
      onProgress: (at) => progress.update(at),
    });
    progress.stop();
    if (json) await output.json({ topic, subscription, [did]: done, left: skipped, dryRun: options.dryRun === true });
    else await output.line(`${options.dryRun ? "would have " : ""}${did} ${done}, left ${skipped}`);
    return shutdown.code ?? EXIT.ok;
  } finally {
    progress.stop();
    await letters.close();
  }
}
