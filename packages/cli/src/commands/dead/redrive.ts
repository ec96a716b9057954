import { Command } from "commander";
import type { Action, Bind } from "../../action.ts";
import { positiveNumber, wholeNumber } from "../../option-values.ts";
import { withPlace, withSelection } from "./selection.ts";
import { type WorkOptions, workThrough } from "./work-through.ts";

const EXAMPLES = `
Each event goes back to the subscription that gave it up and to no other. It is removed from the dead letters once the broker has it: a
crash in between delivers it twice, never not at all.

Examples:
  waybill dead redrive orders billing --dry-run
  waybill dead redrive orders billing --reason handler-failed --max 100 --rate 20`;

export function redriveCommand(bind: Bind): Command {
  const command = new Command("redrive").description("Put dead letters back to work.");
  return withSelection(withPlace(command))
    .option("--max <n>", "at most so many", wholeNumber)
    .option("--rate <n>", "at most so many a second", positiveNumber)
    .option("--to <topic>", "publish them to this topic instead, for all of its subscriptions")
    .option("--dry-run", "only count what would be put back")
    .addHelpText("after", EXAMPLES)
    .action(
      bind(([topic, subscription], options) =>
        redrive(topic as string, subscription as string, options as WorkOptions & { to?: string }),
      ),
    );
}

const redrive =
  (topic: string, subscription: string, options: WorkOptions & { to?: string }): Action =>
  (session) =>
    workThrough(session, { topic, subscription, did: "redriven" }, options, (letters, selection) =>
      letters.redrive({ ...selection, ...(options.to === undefined ? {} : { to: options.to }) }),
    );
