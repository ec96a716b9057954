import { Command } from "commander";
import type { Action, Bind } from "../../action.ts";
import { cliErrors } from "../../cli-errors.ts";
import { positiveNumber, wholeNumber } from "../../option-values.ts";
import { withPlace, withSelection } from "./selection.ts";
import { type WorkOptions, workThrough } from "./work-through.ts";

const EXAMPLES = `
Examples:
  waybill dead purge orders billing --dry-run
  waybill dead purge orders billing --type com.example.heartbeat --yes`;

export function purgeCommand(bind: Bind): Command {
  const command = new Command("purge").description("Remove dead letters for good.");
  return withSelection(withPlace(command))
    .option("--max <n>", "at most so many", wholeNumber)
    .option("--rate <n>", "at most so many a second", positiveNumber)
    .option("--dry-run", "only count what would be removed")
    .option("--yes", "do it: what is removed is gone")
    .addHelpText("after", EXAMPLES)
    .action(
      bind(([topic, subscription], options) =>
        purge(topic as string, subscription as string, options as WorkOptions & { yes?: boolean }),
      ),
    );
}

const purge =
  (topic: string, subscription: string, options: WorkOptions & { yes?: boolean }): Action =>
  async (session) => {
    if (!options.yes && !options.dryRun) throw cliErrors.WB_PURGE_UNCONFIRMED({ topic, subscription });
    return workThrough(session, { topic, subscription, did: "purged" }, options, (letters, selection) =>
      letters.purge(selection),
    );
  };
