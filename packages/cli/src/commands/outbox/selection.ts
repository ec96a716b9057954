import type { DeadRow, Store } from "@waybill/outbox";
import { type Command, InvalidArgumentError } from "commander";
import { wholeNumber } from "../../option-values.ts";

/** Which dead events a command means. */
export interface DeadChoice {
  readonly topic?: string;
  readonly reason?: string;
  readonly key?: string;
  readonly max?: number;
}

const PAGE = 500;

export function withChoice(command: Command): Command {
  return command
    .option("--topic <topic>", "only those of this topic")
    .option("--reason <reason>", "only those given up for this reason")
    .option("--key <key>", "only those of this key")
    .option("--max <n>", "at most so many", wholeNumber);
}

export function positionOf(text: string): number {
  const position = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(position >= 1)) throw new InvalidArgumentError("It must be a position, as `waybill outbox dead` lists them.");
  return position;
}

/** The dead events that are meant, page after page, in order of position. */
export async function* chosen(store: Store, choice: DeadChoice, signal: AbortSignal): AsyncGenerator<DeadRow[]> {
  let left = choice.max ?? Number.POSITIVE_INFINITY;
  for (let after = 0; left > 0 && !signal.aborted; ) {
    const page = await store.dead.list({ max: PAGE, after });
    const meant = page.filter((row) => isMeant(row, choice)).slice(0, left);
    if (meant.length > 0) yield meant;
    left -= meant.length;
    if (page.length < PAGE) return;
    after = page.at(-1)!.position;
  }
}

function isMeant(row: DeadRow, { topic, reason, key }: DeadChoice): boolean {
  return (
    (topic === undefined || row.topic === topic) &&
    (reason === undefined || row.reason === reason) &&
    (key === undefined || row.key === key)
  );
}
