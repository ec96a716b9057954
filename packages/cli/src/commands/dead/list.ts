import { Command } from "commander";
import type { Action, Bind } from "../../action.ts";
import { wholeNumber } from "../../option-values.ts";
import { deadLetterJson, deadLetterLine } from "./dead-letter-text.ts";
import { openLetters } from "./open-letters.ts";
import { filterOf, type Selection, withPlace, withSelection } from "./selection.ts";

const EXAMPLES = `
Examples:
  waybill dead list orders billing
  waybill dead list orders billing --reason invalid --max 1000 --json`;

export function listCommand(bind: Bind): Command {
  const command = new Command("list").description("List dead letters; they stay where they are.");
  return withSelection(withPlace(command))
    .option("--max <n>", "look at so many from the head", wholeNumber, 100)
    .addHelpText("after", EXAMPLES)
    .action(
      bind(([topic, subscription], options) =>
        list(topic as string, subscription as string, options as unknown as Selection & { max: number }),
      ),
    );
}

const list =
  (topic: string, subscription: string, options: Selection & { max: number }): Action =>
  async (session) => {
    const { json, output } = session;
    const letters = await openLetters(session, topic, subscription);
    try {
      const records = await letters.list({ max: options.max });
      const selected = records.filter(filterOf(options) ?? (() => true));
      for (const record of selected)
        await (json ? output.json(deadLetterJson(record)) : output.line(deadLetterLine(record)));
      const more = records.length === options.max ? "; there may be more, raise --max" : "";
      output.note(`${selected.length} of ${records.length} looked at${more}`);
      return undefined;
    } finally {
      await letters.close();
    }
  };
