import type { Guarantee } from "@waybill/core";
import { counted } from "./counted.ts";

/** The last line of standard output. */
export interface Summary {
  /** Different events that reached the broker. */
  readonly published: number;
  /** Different events that had their effect. */
  readonly processed: number;
  readonly duplicatesDropped: number;
  readonly deadLettered: number;
  readonly redriven: number;
  /** The consumer's totals equal those recomputed from the file. */
  readonly totalsMatch: boolean;
  /** First effects that came before an earlier event of their airport; redriven events left out. */
  readonly orderViolations: number;
  readonly order: Guarantee["order"];
  readonly broker: string;
  /** Attempts that failed and were followed by another. */
  readonly retried: number;
  /** Rows of the file that are no flights. */
  readonly refused: number;
}

/** What is wrong with a run; empty when everything adds up. `expected` is how many events there had to be, `effects` how often one was counted. */
export function problemsOf(
  summary: Summary,
  { expected, effects, differing }: { expected: number; effects: number; differing: readonly string[] },
): string[] {
  const { published, processed, deadLettered, redriven, order, orderViolations } = summary;
  const problems: string[] = [];
  if (published !== expected) problems.push(`published ${published} of ${counted(expected, "event")}`);
  if (processed !== expected) problems.push(`processed ${processed} of ${counted(expected, "event")}`);
  if (effects !== processed) problems.push(`counted ${counted(effects - processed, "event")} too many`);
  if (redriven !== deadLettered) problems.push(`${counted(deadLettered, "dead letter")}, but ${redriven} redriven`);
  if (order === "per-key" && orderViolations > 0) {
    problems.push(`${counted(orderViolations, "event")} out of order where order is promised`);
  }
  const some = differing.slice(0, 5);
  if (differing.length > some.length) some.push(`and ${counted(differing.length - some.length, "more airport")}`);
  return [...problems, ...some];
}
